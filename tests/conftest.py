"""One seed for everything random in the tests, printed at the top of each run."""

import random

import pytest


def seed_of(config: pytest.Config) -> str:
    """Tell the seed: pyproject.toml gives one to Hypothesis, and the command line may give another."""
    return str(config.getoption("--hypothesis-seed"))


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed, and how to choose another."""
    return f"seed: {seed_of(config)} (another: pytest --hypothesis-seed=N)"


@pytest.fixture(autouse=True)
def seeded_random(request: pytest.FixtureRequest) -> None:
    """Start every test from the same seed, whichever tests ran before it."""
    random.seed(seed_of(request.config))
