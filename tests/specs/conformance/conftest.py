"""What the tests of the conformance kit share."""

import importlib

import pytest


@pytest.fixture(autouse=True)
def _believe_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirm no longer that a call waits for ever: here it is known."""
    for name in ("freeze", "interrupt", "reentry"):
        monkeypatch.setattr(importlib.import_module(f"headgate_specs.sweeps.{name}"), "CONFIRM_S", 0.05)
