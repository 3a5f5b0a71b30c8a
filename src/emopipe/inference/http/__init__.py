"""An exported model as an HTTP service: `emopipe serve`."""
