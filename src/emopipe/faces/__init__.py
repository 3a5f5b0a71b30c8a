"""Faces as tables and tensors: the canonical table, its file, classes, decoding, resizing, predictions."""
