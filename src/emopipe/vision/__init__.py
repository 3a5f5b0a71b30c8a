"""What pictures are measured and cropped by: statistics, gradient histograms, near-duplicates, face detectors."""
