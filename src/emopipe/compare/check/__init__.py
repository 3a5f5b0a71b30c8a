"""The regression check of a change against its base, on a developer's machine and in CI."""
