"""MLflow as a projection of the pipeline's state: never an input of a stage, and never the cause of its failure."""
