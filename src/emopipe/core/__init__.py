"""What every stage stands on: errors, atomic files, parameters, the state of a stage, and the skeleton of a script."""
