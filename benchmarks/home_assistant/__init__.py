"""The service beside a real Home Assistant, which discovers it through a real broker."""
