"""Metrics, figures and the report of a model, and the paired comparison of two models."""
