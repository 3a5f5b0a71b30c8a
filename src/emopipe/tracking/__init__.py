"""MLflow as a projection of the pipeline's state: never an input to it, and never the reason why a stage fails."""
