"""The pytest plugin of `@explore`: options, and a report without the explorer's own frames. Does nothing for other tests.

It is asked for, by `pytest_plugins = ["tidegate_specs.pytest_plugin"]` in a conftest.py, or by `-p`. It is no entry point: pytest
rewrites every module of a distribution that has one, and the kernel is judged as it is.
"""

from typing import Any

import pytest

REPLAY = "pytest -p tidegate_specs.pytest_plugin --explore-replay"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("explore", "schedules for your own code (tidegate)")
    group.addoption("--explore-replay", metavar="ID", help="run only this schedule of the tests that @explore decorates")
    group.addoption("--explore-budget", type=float, metavar="S", help="the budget of each of them in seconds, instead of its own")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that `@explore` decorates under every schedule, or under the one that was asked for."""
    if getattr(pyfuncitem.obj, "__explored__", None) is None:
        return None
    __tracebackhide__ = True
    _run(pyfuncitem.obj, pyfuncitem.config.getoption("--explore-replay"), pyfuncitem.config.getoption("--explore-budget"))
    return True


def _run(function: Any, replay_id: str | None, budget_s: float | None) -> None:
    from tidegate_specs.explore.own import api, command
    from tidegate_specs.explore.own.engine import NotSimulated
    from tidegate_specs.explore.own.search import decode

    __tracebackhide__ = True
    if replay_id is None:
        explored: api.Explored = function.__explored__
        result = api.run(function, budget_s=explored.budget_s if budget_s is None else budget_s)
        failed = not result.exhausted or result.failure is not None
        text = f"{result}\n{result.failure}" if result.failure is not None else str(result)
    else:
        try:
            result = command.replay(api.target_of(function), decode(replay_id))
        except (ValueError, NotSimulated) as error:
            raise pytest.UsageError(str(error)) from None
        failed, text = result.failure is not None, str(result.failure or result.why_not)
        print(text)
    if failed:
        again = f"\nreplay: {REPLAY} {result.failure.replay_id}" if result.failure is not None else ""
        pytest.fail(text + again, pytrace=False)
