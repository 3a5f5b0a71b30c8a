"""The regression check of a change against its base, at the desk and in CI."""
