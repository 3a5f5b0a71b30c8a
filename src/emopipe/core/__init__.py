"""The base of all stages: errors, atomic files, parameters, the state of a stage, and the skeleton of its script."""
