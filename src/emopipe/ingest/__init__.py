"""From a source in data/ to the canonical table of faces."""
