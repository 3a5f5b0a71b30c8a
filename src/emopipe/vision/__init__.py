"""Image statistics, HOG features, near-duplicates, label errors, and face detectors."""
