"""Paths in a project, from its root, where the commands run."""

from pathlib import Path

ROOT = Path()
PARAMS = ROOT / "params.yaml"
REPORTS = ROOT / "reports"
MODELS = ROOT / "build" / "models"
CLEAN = ROOT / "build" / "clean.parquet"
