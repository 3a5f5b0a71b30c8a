"""The report page of a run: what came of the data, of each model, and of the export."""
