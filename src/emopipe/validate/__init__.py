"""The gate: findings about the images, policies, corrections, expectations, and the validation page."""
