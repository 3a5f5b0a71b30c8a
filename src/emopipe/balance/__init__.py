"""What the training set is made of: resampled, synthetic and dropped faces of the weak classes."""
