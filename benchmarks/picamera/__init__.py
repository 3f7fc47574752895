"""The real picamera2 on a machine that is no Raspberry Pi."""
