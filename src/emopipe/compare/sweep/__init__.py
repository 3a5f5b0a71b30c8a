"""A sweep: settings x models x seeds as DVC experiments, and which differences between settings are significant.

sweep.yaml ──design──▶ trials ──dvc exp run──▶ predictions ──statistics──▶ table, figure
"""
