"""The applications behave the same on every server, and a server ends with whoever started it."""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.extras import UsageError
from tidegate_stress.web import servers
from tidegate_stress.web.apps import Pool, Site, pieces
from tidegate_stress.web.case import SERVERS, SLOTS, TRANSFER_BYTES, TRANSFER_SLOTS, ServerName, WebCase, WebReport
from tidegate_stress.web.judge import EXACT
from tidegate_stress.web.run import Laboratory, run_case
from tidegate_stress.web.servers import ServerFailed, serving, version_of

psutil: Any = importlib.import_module("psutil")


def get(port: int, path: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, timeout=10) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("guarded", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_serves_every_route_and_is_gone_afterwards(name: ServerName, guarded: bool) -> None:
    with serving(name, guarded) as server:
        members = [psutil.Process(member.pid) for member in server._members]
        assert get(server.port, "/serve").startswith(b"done")
        assert get(server.port, "/serve/hang?seconds=0.01").startswith(b"done")
        assert len(get(server.port, "/transfer/", b"some body")) == TRANSFER_BYTES
        wanted = {"peak_inside": 1, "peak_transfers": 1, "slots_held": 0}
        limit_s = time.monotonic() + 10  # a client may have the last byte before its slot is back
        while server.figures() != wanted and time.monotonic() < limit_s:
            pass
        assert server.figures() == wanted
        assert server.rss_bytes() > 1 << 20
        assert server.processor_s() > 0
        assert not server.died
    _, alive = psutil.wait_procs(members, timeout=10)
    assert alive == []
    with pytest.raises(urllib.error.URLError):
        get(server.port, "/serve")


def test_each_route_has_slots_of_its_own() -> None:
    site = Site(guarded=True)
    assert {path: bulkhead.capacity for path, bulkhead in site.bulkheads.items()} == {"/serve": SLOTS, "/transfer": TRANSFER_SLOTS}
    leases = [bulkhead.enter() for bulkhead in site.bulkheads.values()]
    assert all(leases)
    assert json.loads(site.figures())["slots_held"] == 2
    assert Site(guarded=False).bulkheads == {}


def test_the_pool_is_first_come_first_served() -> None:
    pool = Pool(2)
    served: list[int] = []

    def use(number: int) -> None:
        with pool:
            served.append(number)

    pool.__enter__()
    pool.__enter__()
    threads = [threading.Thread(target=use, args=(number,), daemon=True) for number in range(5)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        limit_s = time.monotonic() + 10
        while len(pool._waiting) < number and time.monotonic() < limit_s:
            pass
    pool.__exit__()
    for thread in threads:
        thread.join(10)
    assert served == [0, 1, 2, 3, 4]
    assert pool._free == 1


def test_pieces_are_the_page() -> None:
    page = os.urandom(TRANSFER_BYTES)
    assert b"".join(pieces(page)) == page


def test_a_server_that_does_not_start_is_told_with_its_last_words() -> None:
    nobody: Any = "nobody"
    with pytest.raises(ServerFailed, match="KeyError: 'nobody'"), serving(nobody, True):
        pass
    result = run_case(WebCase(nobody, "2x", True, 2.0, 0.5, 0.1))
    assert result.ended == "no server"
    assert "KeyError" in result.witness


def test_a_server_that_is_not_installed_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version_of("waitress").startswith("waitress ")

    def version(_name: str) -> str:
        raise ModuleNotFoundError

    monkeypatch.setattr(servers, "version", version)
    with pytest.raises(UsageError, match="there is no uvicorn or no starlette"):
        version_of("uvicorn")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_dies_with_whoever_started_it(name: ServerName) -> None:
    script = (
        "import time\nfrom tidegate_stress.web.servers import serving\n"
        f"with serving({name!r}, True) as server:\n"
        "    print(*[member.pid for member in server._members], flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        members = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert members
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    _, alive = psutil.wait_procs(members, timeout=10)
    assert alive == []


def test_a_server_that_dies_under_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[float] = []

    def kill(server: servers.Server) -> int:
        if not killed:
            killed.append(time.monotonic())
            server._process.kill()
        return 0

    monkeypatch.setattr(servers.Server, "rss_bytes", kill)
    result = run_case(WebCase("waitress", "2x", True, 0.5, 0.3, 0.1))
    assert result.ended == "the server died"
    assert result.figures["broken"] > 0


def test_a_short_real_run_keeps_every_exact_bound_with_the_middleware_and_has_none_without_it() -> None:
    """How much is served, and how soon, is for `tidegate web` to judge, which says UNKNOWN where the machine is too busy."""
    saved: list[WebReport] = []
    said: list[str] = []
    laboratory = Laboratory("quick", 0, ["uvicorn"], said.append, saved.append)
    laboratory.attempts = 1
    cases = [WebCase("uvicorn", "10x", guarded, 10.0, seconds=1.0, after_s=0.5) for guarded in (False, True)]
    laboratory.run(cases)
    report = laboratory.report()
    assert len(saved) == len(cases)
    assert saved[-1].results == report.results
    assert [result.ended for result in report.results] == [""] * 2
    exact = [finding for finding in report.findings if finding.bound in EXACT]
    assert len(exact) == 3
    assert {finding.verdict for finding in exact} == {Verdict.OK}, exact
    swamped, guarded = (result.figures for result in report.results)
    assert swamped["rejected"] == 0
    assert "slots_lost" not in swamped
    assert swamped["peak_inside"] > SLOTS
    assert guarded["rejected"] > 0
    assert guarded["peak_inside"] <= SLOTS
    assert all(result.intervals for result in report.results)
    assert sum("[2/2]" in line for line in said) == 1
