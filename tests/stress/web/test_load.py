"""The generator: its schedule, what it reads and what it computes, and itself against a server that misbehaves."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Generator
from statistics import fmean, pstdev

import pytest

from tidegate_stress.web.answers import Answer, Kind, Load, figures_of, interval_of, ladders_of, response_of
from tidegate_stress.web.case import CAPACITY_PER_S, DEADLINE_S, HANGING, PATIENCE_S, SLOW_CLIENTS, Trouble, WebInterval
from tidegate_stress.web.closed import closed_command, read_hey, read_wrk, run_closed
from tidegate_stress.web.load import SOCKETS, LoadGenerator, slow_clients

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\nretry-after: 1\r\n\r\nbusy\n"
LOAD = Load(port=0, level=2.0, seconds=2.0, after_s=1.0)


def answer(due_s: float, took_s: float, kind: Kind = "served", bare: bool = False) -> Answer:
    return Answer(int(due_s * 1e9), int((due_s + took_s) * 1e9), kind, bare)


# The schedule.


def test_arrivals_are_poisson_during_the_load_and_even_after_it() -> None:
    due = [due_ns / 1e9 for due_ns in Load(port=0, level=10.0, seconds=5.0, after_s=2.0, seed=3).due_ns()]
    load, calm = [at for at in due if at < 5.0], [at for at in due if at >= 5.0]
    assert due == sorted(due)
    assert len(load) == pytest.approx(10 * CAPACITY_PER_S * 5, rel=0.05)
    gaps = [after - before for before, after in itertools.pairwise(load)]
    assert pstdev(gaps) == pytest.approx(fmean(gaps), rel=0.1), "as of an exponential distribution"
    assert len(calm) == pytest.approx(CAPACITY_PER_S / 2 * 2, abs=1)
    assert max(calm) < 7.0


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert list(LOAD.due_ns()) == list(LOAD.due_ns())
    assert list(LOAD.due_ns()) != list(Load(port=0, level=2.0, seconds=2.0, after_s=1.0, seed=1).due_ns())


# What the answers tell.


def test_figures_count_each_kind_of_answer_once() -> None:
    answers = [
        *(answer(at / 100, 0.1) for at in range(100)),
        *(answer(1 + at / 100, DEADLINE_S + 0.1) for at in range(50)),
        *(answer(1.5, 0.001, "rejected", bare=at == 0) for at in range(20)),
        answer(1.6, PATIENCE_S, "gave up"),
        answer(1.7, 0.0, "broken"),
        answer(1.8, 0.0, "unsent"),
    ]
    figures = figures_of(LOAD, answers)
    told = [figures[name] for name in ("offered", "good", "late", "rejected", "bare_rejections", "gave_up", "broken", "unsent")]
    assert told == [173, 100, 50, 20, 1, 1, 1, 1]
    assert figures["answered_share"] == pytest.approx(120 / 173)
    good_from_first_deadline = sum(at / 100 + 0.1 >= DEADLINE_S for at in range(100))
    assert figures["goodput_per_s"] == pytest.approx(good_from_first_deadline / (2 - DEADLINE_S))


def test_goodput_is_measured_by_what_can_be_served() -> None:
    window = [answer(DEADLINE_S + at / 50, 0.01) for at in range(80)]
    assert figures_of(LOAD, window)["goodput_share"] == pytest.approx(1.0), "all that was offered, which is less than the capacity"
    swamped = [*window, *(answer(DEADLINE_S + at / 1000, PATIENCE_S, "gave up") for at in range(1600))]
    assert figures_of(LOAD, swamped)["goodput_share"] == pytest.approx(50 / CAPACITY_PER_S, rel=0.05)
    hanging = Load(port=0, level=2.0, seconds=2.0, after_s=1.0, trouble="hang")
    assert figures_of(hanging, swamped)["goodput_share"] == pytest.approx(2 * 50 / CAPACITY_PER_S, rel=0.05)


def test_recovery_is_the_last_of_the_calm_that_was_not_served_in_time() -> None:
    calm = [answer(2 + at / 50, 0.1) for at in range(50)]
    assert figures_of(LOAD, calm)["recovery_s"] == 0.0
    calm[10] = answer(2.2, 0.01, "rejected")
    assert figures_of(LOAD, calm)["recovery_s"] == pytest.approx(0.2)
    calm[30] = answer(2.6, DEADLINE_S + 0.01)
    assert figures_of(LOAD, calm)["recovery_s"] == pytest.approx(0.6)
    assert "recovery_s" not in figures_of(LOAD, [answer(1.0, 0.1)])


def test_times_are_of_the_load_and_who_hung_up_counts_as_taken_in() -> None:
    answers = [answer(1.0, 0.1), answer(1.0, PATIENCE_S, "gave up"), answer(1.0, 0.001, "rejected"), answer(2.5, 9.0)]
    found = ladders_of(LOAD, answers)
    assert {name: ladder.count for name, ladder in found.items()} == {"served": 1, "taken": 2, "rejected": 1}
    assert found["taken"].max_ns == pytest.approx(PATIENCE_S * 1e9, rel=0.01)


def test_an_interval_is_in_rates() -> None:
    answers = [answer(0.0, 0.1), answer(0.0, 0.5), answer(0.0, 0.01, "rejected"), answer(0.0, 1.2, "gave up")]
    interval = interval_of(1.5, 0.5, answers, offered=10, waiting=6)
    assert interval == WebInterval(1.5, 20.0, 2.0, 2.0, 2.0, 2.0, 6, 300.0)
    assert interval_of(1.5, 0.5, [], 0, 0).served_ms is None


# What it reads.


def test_a_response_is_read_as_it_arrives() -> None:
    assert response_of(OK[:20]) is None
    response = response_of(OK[:-3])
    assert response is not None
    assert (response.status, response.length, response.closes, response.retry_after) == (200, 5, False, False)
    assert not response.complete(OK[:-3])
    assert response.complete(OK)


def test_a_refusal_is_told_by_its_head() -> None:
    response = response_of(BUSY)
    assert response is not None
    assert (response.status, response.retry_after) == (503, True)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\n"])
def test_a_response_may_end_its_connection(head: bytes) -> None:
    response = response_of(head)
    assert response is not None
    assert response.closes


@pytest.mark.parametrize("junk", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_junk_is_no_response(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"no response|invalid literal"):
        response_of(junk)


WRK = """\
Running 3s test @ http://127.0.0.1:4711/serve
  1 threads and 160 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    34.53ms   37.60ms 202.66ms   88.62%
    Req/Sec     4.80k   338.96     5.42k    83.33%
  14400 requests in 3.00s, 2.31MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 14100
Requests/sec:   4800.10
"""
HEY = """\
response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0800,0.0001,0.0000,0.0001,0.0798,0.0000,200,0.0010
0.1600,0.0001,0.0000,0.0001,0.0798,0.0000,200,0.0010
0.9000,0.0001,0.0000,0.0001,0.0798,0.0000,200,0.0010
0.0010,0.0001,0.0000,0.0001,0.0008,0.0000,503,0.0010
0.0010,0.0001,0.0000,0.0001,0.0008,0.0000,500,0.0010
"""


def test_what_wrk_prints_is_read() -> None:
    assert read_wrk(WRK) == {"served_per_s": 100.0, "rejected_per_s": 4700.0, "errors": 3}
    calm = "  300 requests in 1.50s, 2.31MB read\n"
    assert read_wrk(calm) == {"served_per_s": 200.0, "rejected_per_s": 0.0, "errors": 0}
    with pytest.raises(ValueError, match="did not tell"):
        read_wrk("unable to connect")


def test_what_hey_prints_is_read() -> None:
    assert read_hey(HEY, 1.0) == {
        "served_per_s": 3.0,
        "rejected_per_s": 1.0,
        "in_time_per_s": 2.0,
        "errors": 1,
        "p50_s": 0.16,
        "p99_s": 0.9,
    }
    for text in ("", "a,b\n1,2\n"):
        with pytest.raises(ValueError, match="hey"):
            read_hey(text, 1.0)


def test_another_generator_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert "wrk" in run_closed("wrk", "uvicorn", True, 1, 8, 0.1).problem
    assert closed_command("wrk", 80, 8, 1.5)[:4] == ["wrk", "-t1", "-c8", "-d1.5s"]
    assert closed_command("hey", 80, 8, 1.5)[:5] == ["hey", "-c", "8", "-z", "1.5s"]


# Itself.


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Generator[int, None, None]:
    """Answer each connection by this function, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    threading.Thread(target=_serve, args=(serve, peer), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _serve(serve: Callable[[socket.socket], None], peer: socket.socket) -> None:
    with contextlib.suppress(OSError), peer:
        peer.settimeout(10)
        serve(peer)


def kept_alive(response: bytes) -> Callable[[socket.socket], None]:
    def serve(peer: socket.socket) -> None:
        while peer.recv(4096):
            peer.sendall(response)

    return serve


def once(response: bytes) -> Callable[[socket.socket], None]:
    def serve(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(response)

    return serve


def silent(peer: socket.socket) -> None:
    while peer.recv(4096):
        pass


@pytest.mark.parametrize(
    ("serve", "kind", "bare"),
    [
        (kept_alive(OK), "served", False),
        (kept_alive(BUSY), "rejected", False),
        (kept_alive(BUSY.replace(b"retry-after", b"x-after")), "rejected", True),
        (kept_alive(OK.replace(b"200", b"500")), "broken", False),
        (once(OK), "served", False),
        (once(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), "served", False),
        (once(OK[:-2]), "broken", False),
        (once(b"SSH-2.0-OpenSSH\r\n\r\n"), "broken", False),
        (once(b""), "broken", False),
        (silent, "gave up", False),
    ],
    ids="served refused bare 500 closes unmeasured cut junk empty silent".split(),
)
def test_every_request_has_one_end(serve: Callable[[socket.socket], None], kind: Kind, bare: bool) -> None:
    told: list[WebInterval] = []
    with listening(serve) as port:
        load = Load(port, level=0.5, seconds=0.3, after_s=0.1)
        generator = LoadGenerator(load, told.append)
        generator.run()
    due = list(load.due_ns())
    assert sorted(each.due_ns for each in generator.answers) == due
    assert {(each.kind, each.bare) for each in generator.answers} <= {(kind, bare), ("broken", False)}
    kinds = [each.kind for each in generator.answers]
    assert kinds.count(kind) >= len(due) // 2, "a connection that was closed may have been given the next request just then"
    assert sum(interval.offered_per_s for interval in told) > 0
    assert told[-1].waiting == 0


def test_a_server_that_is_not_there_breaks_every_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    generator = LoadGenerator(Load(port, level=0.5, seconds=0.2, after_s=0.1), lambda _interval: None)
    generator.run()
    assert {each.kind for each in generator.answers} == {"broken"}


def test_there_are_no_more_sockets_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_stress.web.load.SOCKETS", 3)
    with listening(silent) as port:
        generator = LoadGenerator(Load(port, level=1.0, seconds=0.3, after_s=0.0), lambda _interval: None)
        generator.run()
    kinds = [each.kind for each in generator.answers]
    assert kinds.count("gave up") == 3
    assert kinds.count("unsent") == len(kinds) - 3
    assert SOCKETS >= 10 * CAPACITY_PER_S * PATIENCE_S, "at 10x everyone may wait until the patience is over"


@pytest.mark.parametrize(
    ("trouble", "count"),
    [("none", 0), ("slow headers", SLOW_CLIENTS), ("slow transfers", SLOW_CLIENTS), ("hang", HANGING), ("few threads", 0)],
)
def test_slow_clients_come_in_the_right_number(trouble: Trouble, count: int) -> None:
    assert len(slow_clients(Load(port=1, level=1.0, seconds=1.0, after_s=1.0, trouble=trouble))) == count


def test_a_slow_client_sends_a_byte_a_tick_and_comes_back_when_it_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        client = slow_clients(Load(listener.getsockname()[1], 1.0, 1.0, 1.0, trouble="slow headers"))[0]
        client.tick(0.0, stop=False)
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(10)
            for now_s in (0.1, 0.2, 0.3):
                client.tick(now_s, stop=False)
            received = b""
            while len(received) < len(b"GET /serve HTTP/1.1\r\nHost: slow\r\nX-Slow: aa"):
                received += peer.recv(4096)
            assert received.endswith(b"X-Slow: aa")
            peer.sendall(BUSY)
            for now_s in (0.4, 0.5):
                client.tick(now_s, stop=False)
            assert client.refused == 1
        client.tick(0.6, stop=False)
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()
        client.tick(1.1, stop=False)
        listener.settimeout(10)
        again, _ = listener.accept()
        with again:
            again.settimeout(10)
            client.tick(1.2, stop=True)
            assert again.recv(4096) == b""
            client.tick(9.9, stop=False)
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()
