"""`tidegate explore --scheduler`: a real cluster gives what a single process gives, also when its workers are killed."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate_specs.check import Verdict
from tidegate_specs.explore import cluster, command, division
from tidegate_specs.explore.cluster import LOCAL, Cluster, Unusable, connected
from tidegate_specs.explore.configurations import BY_NAME
from tidegate_specs.explore.division import Division
from tidegate_specs.explore.judging import run_plan
from tidegate_specs.explore.parts import Part, Piece, Whole, origin, run_part
from tidegate_specs.explore.plans import Plan
from tidegate_specs.explore.program import Limits, Report
from tidegate_specs.explore.replay import subject_named

CASES = (
    ("offers-2-take-1", Plan("access", None), "tidegate"),
    ("offers-3-take-1", Plan("access", None, True), "tidegate"),
    ("release-offer-offer", Plan("access", 2), "tidegate"),
    ("drain-offers", Plan("access", 2), "mutant:drain_misses_claims"),
)
MOST = 20  # schedules in a part
WORKERS: int = importlib.import_module("dask.system").CPU_COUNT
psutil: Any = importlib.import_module("psutil")


@pytest.fixture(scope="module")
def local() -> Generator[Cluster]:
    """Start a local cluster, and see that nothing of it is left in the end."""
    before = set(threading.enumerate())
    with connected(LOCAL) as found:
        yield found
    assert multiprocessing.active_children() == []
    left = [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]
    assert [name for name in left if not name.startswith("pytest_timeout")] == []


@pytest.fixture
def ready(local: Cluster) -> Cluster:
    """Give the cluster when all of its workers are there: a test before may have killed some."""
    local.client.wait_for_workers(WORKERS, timeout=60)
    return local


class Doomed:
    """Hand parts to a cluster; the worker that has the third one is killed, always, or once if there is a file to mark that."""

    def __init__(self, inner: Cluster, mark: Path | None) -> None:
        self.inner, self.mark = inner, mark
        self.parts = 0

    def submit(self, function: Callable[[Any], Any], given: Any) -> Future[Any]:
        self.parts += isinstance(given, Part)
        if self.parts != 3 or function is not run_part:
            return self.inner.submit(function, given)
        mark = None if self.mark is None else str(self.mark)

        def killed(part: Part) -> Piece:
            if mark is None or not os.path.exists(mark):
                if mark is not None:
                    os.close(os.open(mark, os.O_CREAT))
                os.kill(os.getpid(), signal.SIGKILL)
            return run_part(part)

        return self.inner.submit(killed, given)

    def workers(self) -> int:
        return self.inner.workers()


def found_by(engine: division.Engine, case: tuple[str, Plan, str]) -> Report:
    name, plan, subject = case
    search = Division(Whole(subject, name, plan, origin(subject)), engine, Limits(), lambda _: None, MOST)
    search.search()
    return search.report


def facts(report: Report) -> tuple[Any, ...]:
    counts = (report.schedules, report.redundant, report.by_preemptions, report.steps, report.handed)
    return report.verdict, counts, list(report.outcomes.items()), report.faults, report.why_not, report.exhausted


def alone(case: tuple[str, Plan, str]) -> Report:
    name, plan, subject = case
    return run_plan(BY_NAME[name], plan, subject_named(subject), Limits())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}, {case[1].key}, {case[2]}")
def test_a_cluster_finds_what_a_single_process_finds(ready: Cluster, case: tuple[str, Plan, str]) -> None:
    ready.admit(case[2])
    assert facts(found_by(ready, case)) == facts(alone(case))


def test_a_worker_killed_midway_changes_nothing(ready: Cluster, tmp_path: Path) -> None:
    engine = Doomed(ready, tmp_path / "killed")
    assert facts(found_by(engine, CASES[0])) == facts(alone(CASES[0]))
    assert (tmp_path / "killed").exists()
    assert engine.parts > 3


def test_a_part_that_always_kills_its_worker_is_unknown_and_named(ready: Cluster) -> None:
    report = found_by(Doomed(ready, None), CASES[0])
    assert report.verdict is Verdict.UNKNOWN
    assert report.why_not.startswith("subtree ")
    assert f"on {cluster.DEATHS} different workers, but all those workers died" in report.why_not


def test_other_code_on_the_workers_is_refused_and_both_are_named(ready: Cluster) -> None:
    def other(version: str) -> None:
        import tidegate
        from tidegate_specs.explore import parts

        tidegate.__version__ = version
        parts.origin.cache_clear()

    ready.client.run(other, "9.9.9")
    try:
        with pytest.raises(Unusable, match=r"has tidegate 9\.9\.9 .* this is tidegate ") as refused:
            ready.admit("tidegate")
    finally:
        ready.client.run(other, tidegate.__version__)
    assert origin("tidegate") in str(refused.value)
    ready.admit("tidegate")


def test_a_worker_without_the_subject_is_refused(ready: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(Unusable, match="can't explore only_here: ModuleNotFoundError: No module named 'only_here'"):
        ready.admit("only_here")


def test_the_command_prints_the_same_but_for_the_time(ready: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["drain-offers", "--bound", "2", "--subject", "mutant:drain_misses_claims"]
    address = str(ready.client.scheduler.address)
    assert command.main([*words, "--scheduler", address]) == command.main(words) == 1
    printed = capsys.readouterr().out.partition("configuration  ")[2]
    first, second = (text.split() for text in printed.split("configuration  "))
    times = (7, 8)  # seconds, and schedules a second, of the row
    row = first.index("drain-offers")
    assert [word for n, word in enumerate(first) if n - row not in times] == [
        word for n, word in enumerate(second) if n - row not in times
    ]


def test_a_local_cluster_is_heard_on_this_machine_only(ready: Cluster) -> None:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    heard = {each.laddr.ip for process in processes for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    assert heard == {"127.0.0.1"}


def test_a_scheduler_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 * cluster.CONNECT_S < 10
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    assert command.main(["offers-2-take-1", "--scheduler", "tcp://127.0.0.1:1"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("tidegate explore: no scheduler at tcp://127.0.0.1:1: ")
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_a_scheduler_without_workers_is_bad_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import distributed

    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    with cluster._local(distributed, 0) as idle:
        assert command.main(["offers-2-take-1", "--scheduler", idle.scheduler_address]) == 2
    assert f"the scheduler at {idle.scheduler_address} has no workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scheduler", "offers-2-take-1"], "'offers-2-take-1' is neither local nor an address such as tcp://host:8786"),
        (["offers-2-take-1", "--scheduler", "--cost"], "--cost and --sample are for a single process"),
        (["offers-2-take-1", "--sample", "5", "--scheduler"], "--cost and --sample are for a single process"),
    ],
)
def test_what_makes_no_sense_is_bad_usage(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_tells_of_the_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    shown = capsys.readouterr().out
    for part in ("--scheduler [ADDRESS]", "tcp://10.0.0.7:8786", "those\nof a single process", "a part was lost"):
        assert part in shown


def test_without_the_option_dask_is_not_imported() -> None:
    program = (
        "import sys; from tidegate_specs.explore import command; status = command.main(['claimed-not-published', '--reduce']);"
        "print(status, sorted({'dask', 'distributed', 'tornado'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.endswith("0 []\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
def test_an_interrupt_stops_everything_and_is_unknown() -> None:
    """As from a keyboard: every process of the group gets it."""
    words = ["explore", "offers-2x2-take-2-wide", "--bound", "3", "--scheduler", LOCAL]
    with subprocess.Popen(
        [sys.executable, "-m", "tidegate_gate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stderr is not None
        first = run.stderr.readline()
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)  # until no process is left that could write
    assert "known subtrees" in first
    assert run.returncode == 3
    assert out.splitlines()[-1].endswith("  interrupted")
    assert " UNKNOWN " in out.splitlines()[-1]
    assert err.splitlines()[-1] == "tidegate: interrupted"
    # One that arrives in a callback of the collector is told, and heard all the same.
    assert err.count("Traceback") == err.count("Exception ignored in: ")
