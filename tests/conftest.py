"""One seed for everything random in the tests, printed at the top of each run, and how hard Hypothesis looks.

Without a profile: Hypothesis's own number of examples, from seed 0. `ci` repeats: the examples follow from each test alone,
whatever the seed, and nothing is remembered. `nightly` hunts: ten times as many, from a seed of its own each time, and what fails
is kept in `.hypothesis` and tried first the next time. HYPOTHESIS_PROFILE chooses, or `--hypothesis-profile`, which comes first.
"""

import gc
import os
import random
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

_KEPT = DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".hypothesis" / "examples")
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("nightly", deadline=None, derandomize=False, database=_KEPT, print_blob=True, max_examples=1_000)


def profile_of(config: pytest.Config) -> str:
    """Tell the profile of Hypothesis; empty for its default."""
    return str(config.getoption("--hypothesis-profile") or os.environ.get("HYPOTHESIS_PROFILE", ""))


def seed_of(config: pytest.Config) -> str:
    """Tell the seed: the command line's, or what `pytest_configure` has put in its place."""
    return str(config.getoption("--hypothesis-seed"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle profile and seed before Hypothesis reads them. The workers of pytest-xdist are handed those of the process above.

    And hear Ctrl-C, as the processes that the tests start shall: a shell has its background jobs ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    profile = profile_of(config)
    config.option.hypothesis_profile = profile or None
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32)) if profile == "nightly" else "0"


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed and the profile, and how to choose others."""
    profile = profile_of(config) or "default"
    return f"seed: {seed_of(config)}, profile: {profile} (others: pytest --hypothesis-seed=N --hypothesis-profile=ci or nightly)"


@pytest.fixture(autouse=True)
def seeded_random(request: pytest.FixtureRequest) -> None:
    """Start every test from the same seed, whichever tests ran before it."""
    random.seed(seed_of(request.config))


@pytest.fixture(autouse=True)
def same_collector() -> Generator[None]:
    """Leave the collector as it was: a kernel that is broken on purpose may turn its thresholds (HOST-1), and is imported here."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
