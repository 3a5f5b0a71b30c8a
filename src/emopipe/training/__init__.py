"""The training core: networks, augmentation and one loop.

It imports torch, numpy and safetensors, and timm or ultralytics only for their own networks, so that it runs on a
bare GPU machine. Reading configuration, tracking, and printing belong above it.
"""
