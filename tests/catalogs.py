"""Catalogs that other programs wrote: not ours to ship, so tests look for them beside the checkout."""

from pathlib import Path

import pytest

FOREIGN = Path(__file__).parents[2] / "shared/data"


def foreign_catalog(name: str) -> Path:
    """The file, or a skipped test."""
    path = FOREIGN / name
    if not path.exists():
        pytest.skip(f"this test needs {name}")
    return path
