"""From the best trained model to the bundle that is used, with the proof that it computes the same."""
