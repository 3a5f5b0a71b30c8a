"""The gate: findings about the pictures, policies, corrections, expectations, and the validation page."""
