"""A state of the pipeline held against another one: what ran again, what it changed, and whether that may pass."""
