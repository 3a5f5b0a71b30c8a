"""Class balance of the training set: resampling, synthetic faces, and the filter of synthetic faces."""
