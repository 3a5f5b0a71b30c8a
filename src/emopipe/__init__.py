"""Facial-emotion recognition as a reproducible pipeline on DVC and MLflow."""
