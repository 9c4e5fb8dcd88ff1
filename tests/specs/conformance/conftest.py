"""What the tests of the conformance kit share."""

import pytest

from tidegate_specs.sweeps import operations


@pytest.fixture(autouse=True)
def _believe_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirm no longer that a call waits for ever: here it is known."""
    monkeypatch.setattr(operations, "CONFIRM_S", 0.05)
