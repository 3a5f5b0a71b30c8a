"""Settings compared: each with several models and seeds, as DVC experiments; then what of the differences is signal.

experiments.yaml ──design──▶ cells ──dvc exp run──▶ predictions ──statistics──▶ table, figure
"""
