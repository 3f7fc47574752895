"""Instructions per step on an emulated Raspberry Pi."""
