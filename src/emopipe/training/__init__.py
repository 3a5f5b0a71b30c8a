"""Networks, augmentation and one training loop.

The loop imports torch, numpy and safetensors, and timm or ultralytics only for their networks, so it runs on a bare
GPU machine. Configuration, tracking and printing are in the modules above it.
"""
