"""Settings compared: each with several models and seeds, as DVC experiments; then what of the differences is signal.

comparison.yaml ──design──▶ cells ──dvc exp run──▶ predictions ──statistics──▶ table, figure
"""
