"""The baseline report that is checked in, as something to lay out."""

from pathlib import Path

import pytest

from tidegate_stress.lab.case import LabReport, from_json

REPORTS = Path(__file__).parents[3] / "stress" / "reports"


@pytest.fixture(scope="session")
def baseline() -> LabReport:
    """Give the report of the full profile on CPython 3.11."""
    return from_json((REPORTS / "cpython-3.11.json").read_text("utf-8"))
