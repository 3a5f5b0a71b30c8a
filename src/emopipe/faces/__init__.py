"""Faces as tables and tensors: the canonical table and its file, classes, decoding, resizing, predictions."""
