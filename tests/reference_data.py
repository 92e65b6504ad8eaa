"""Published data that tests compare with; it stays outside the project."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2] / "shared" / "reference-data"


def find_reference_data(*parts: str) -> Path | None:
    """Return a folder of it, or None where that is not."""
    folder = Path(os.environ.get("C1C2NAV_REFERENCE_DATA", BESIDE)).joinpath(*parts)
    return folder if folder.is_dir() else None


def reference_data(*parts: str) -> Path:
    """A folder of it; the test is skipped where that is not."""
    folder = find_reference_data(*parts)
    if folder is None:
        pytest.skip(f"no reference data; set C1C2NAV_REFERENCE_DATA to a folder with {parts[0]}")
    return folder
