import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tidegate import Intake, Lease, Outcome
from tidegate.adapters.bulkhead import BUSY, Bulkhead, busy_headers, by_path

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "bulkhead.md"


def entered(bulkhead: Bulkhead) -> Lease[None]:
    lease = bulkhead.enter()
    assert not isinstance(lease, Outcome)
    return lease


def test_as_many_as_there_are_slots_get_in_and_the_next_is_refused() -> None:
    bulkhead = Bulkhead(2)
    first, second = entered(bulkhead), entered(bulkhead)
    assert bulkhead.enter() is Outcome.FULL
    assert first.release() is True
    third = entered(bulkhead)
    assert bulkhead.enter() is Outcome.FULL
    assert (second.release(), third.release(), third.release()) == (True, True, False)
    assert bulkhead.statistics().free == bulkhead.capacity == 2


def test_a_lease_is_true_and_refusals_are_false() -> None:
    bulkhead = Bulkhead(1)
    lease = bulkhead.enter()
    assert lease
    assert not bulkhead.enter()
    bulkhead.close()
    assert not bulkhead.enter()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, GeneratorExit])
def test_leaving_gives_the_slot_back(error: type[BaseException] | None) -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)

    def work() -> None:
        with lease as nothing:
            assert nothing is None
            assert bulkhead.statistics().in_flight == 1
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(error) as caught:  # and while the exception is still alive
            work()
        assert caught.type is error
    assert bulkhead.statistics().free == 1
    assert bulkhead.statistics().released == 1


def test_a_dropped_lease_gives_its_slot_back_and_leaves_nothing_in_the_queue() -> None:
    bulkhead = Bulkhead(1)
    lease: Lease[None] | None = entered(bulkhead)
    assert lease
    lease = None
    read = bulkhead.statistics()
    assert (read.free, read.queued, read.abandoned) == (1, 0, 1)
    assert bulkhead.enter()


def test_closed_is_final_and_those_inside_go_on() -> None:
    bulkhead = Bulkhead(2)
    lease = entered(bulkhead)
    bulkhead.close()
    bulkhead.close()
    assert bulkhead.enter() is Outcome.CLOSED
    assert bulkhead.drain(timeout=0) == 1
    with lease:
        pass
    assert bulkhead.drain() == 0
    assert bulkhead.enter() is Outcome.CLOSED


def test_drain_waits_for_the_last_one() -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)
    left: list[int] = []
    waiting = threading.Thread(target=lambda: left.append(bulkhead.drain(timeout=30)))
    waiting.start()
    lease.release()
    waiting.join(timeout=30)
    assert left == [0]


@pytest.mark.parametrize("capacity", [0, -1, True, 1.0, "1", None])
def test_a_bad_capacity_is_refused(capacity: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="capacity"):
        Bulkhead(capacity)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
def test_a_bad_timeout_is_refused(timeout: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="timeout"):
        Bulkhead(1).drain(timeout=timeout)


def test_it_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match="copied"):
        pickle.dumps(Bulkhead(1))


def test_it_tells_what_it_is() -> None:
    assert repr(Bulkhead(3)) == "<tidegate.Bulkhead of <tidegate.Intake open, 3 of 3 free>>"


class Cut:
    """Stand between a bulkhead and its intake, and raise where told, once: after an offer, before a take, or after it."""

    def __init__(self, bulkhead: Bulkhead, where: str) -> None:
        self.intake: Intake[None] = bulkhead._intake
        self.where = where
        self.looks = 0
        self.before_take: Callable[[], object] = lambda: None
        cast(Any, bulkhead)._intake = self

    def _raise_at(self, where: str) -> None:
        if self.where == where:
            self.where = ""
            raise KeyboardInterrupt

    def offer(self, item: None) -> Outcome:
        outcome = self.intake.offer(item)
        self._raise_at("offered")
        return outcome

    def take(self, timeout: float | None = None) -> Lease[None]:
        self._raise_at("before take")
        self.looks += 1
        before_take, self.before_take = self.before_take, lambda: None
        before_take()
        lease = self.intake.take(timeout)
        self._raise_at("taken")
        return lease

    def __getattr__(self, name: str) -> Any:
        return getattr(self.intake, name)


@pytest.mark.parametrize("where", ["offered", "before take", "taken"])
@pytest.mark.parametrize("capacity", [1, 2])
def test_what_an_interrupted_entry_leaves_behind_is_found_by_the_next_refusal(where: str, capacity: int) -> None:
    bulkhead = Bulkhead(capacity)
    cut = Cut(bulkhead, where)
    with pytest.raises(KeyboardInterrupt) as caught:
        bulkhead.enter()
    assert caught.type is KeyboardInterrupt  # still alive, and its frames with it
    assert bulkhead.statistics().queued == 1
    leases = [entered(bulkhead) for _ in range(capacity)]  # the last one is refused by the intake, and looks
    assert bulkhead.enter() is Outcome.FULL
    assert cut.looks >= capacity
    for lease in leases:
        lease.release()
    assert bulkhead.statistics().free == capacity


def test_several_left_behind_are_all_found() -> None:
    bulkhead = Bulkhead(3)
    cut = Cut(bulkhead, "")
    for _ in range(3):
        cut.where = "offered"
        with pytest.raises(KeyboardInterrupt):
            bulkhead.enter()
    leases = [entered(bulkhead) for _ in range(3)]
    assert bulkhead.enter() is Outcome.FULL
    assert len(leases) == 3


def test_without_an_interruption_a_refusal_does_not_look() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    lease = entered(bulkhead)
    assert cut.looks == 1
    assert bulkhead.enter() is Outcome.FULL
    assert cut.looks == 1
    lease.release()


def test_a_caller_whose_item_another_took_offers_again() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    cut.before_take = lambda: cut.intake.take(timeout=0).release()
    assert bulkhead.enter()


def test_a_caller_whose_item_a_close_took_is_told_closed() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    cut.before_take = bulkhead.close
    assert bulkhead.enter() is Outcome.CLOSED
    assert bulkhead.drain(timeout=0) == 0


def test_close_frees_what_was_left_behind() -> None:
    bulkhead = Bulkhead(1)
    Cut(bulkhead, "offered")
    with pytest.raises(KeyboardInterrupt):
        bulkhead.enter()
    assert bulkhead.drain(timeout=0) == 0


def test_an_entry_that_is_interrupted_after_close_leaves_nothing_behind() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "taken")

    def close_and_leave_the_item() -> None:
        bulkhead._closed = True  # as `close` does first
        cut.intake.close()

    cut.before_take = close_and_leave_the_item
    with pytest.raises(KeyboardInterrupt):
        bulkhead.enter()
    assert cut.intake.drain(timeout=0) == 0


def test_the_traceback_of_an_interrupted_entry_is_kept() -> None:
    bulkhead = Bulkhead(1)
    Cut(bulkhead, "before take")
    with pytest.raises(KeyboardInterrupt) as caught:
        bulkhead.enter()
    assert [entry.name for entry in caught.traceback][-2:] == ["take", "_raise_at"]


def test_many_threads_never_exceed_the_capacity() -> None:
    bulkhead = Bulkhead(3)
    inside, most, refused = [0], [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(200):
            lease = bulkhead.enter()
            if isinstance(lease, Outcome):
                with lock:
                    refused[0] += 1
                continue
            with lease:
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                threading.Event().wait(0)  # lets others run
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    read = bulkhead.statistics()
    assert most[0] <= 3
    assert (read.free, read.full, read.accepted, read.released) == (3, refused[0], 1600 - refused[0], 1600 - refused[0])


# Which bulkhead is a path's.


def test_one_bulkhead_is_for_every_path() -> None:
    bulkhead = Bulkhead(1)
    assert by_path(bulkhead)("/") is by_path(bulkhead)("/a/b") is bulkhead


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/b", "/"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("/a/x", "/a"),
        ("/ab", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/c", "/a/b"),
        ("/a/bc", "/a"),
        ("", "/"),
        ("*", None),
        ("//a", "/"),
    ],
)
def test_the_longest_prefix_that_ends_at_a_segment_is_the_one(path: str, expected: str | None) -> None:
    bulkheads = {prefix: Bulkhead(1) for prefix in ("/a", "/", "/a/b")}
    assert by_path(bulkheads)(path) is (bulkheads[expected] if expected else None)


def test_a_slash_at_the_end_of_a_prefix_makes_no_difference() -> None:
    bulkhead = Bulkhead(1)
    find = by_path({"/a/": bulkhead})
    assert find("/a") is find("/a/x") is bulkhead
    assert find("/b") is find("/ab") is None
    assert by_path({"/a": bulkhead, "/a/": bulkhead})("/a") is bulkhead


def test_the_mapping_is_read_once() -> None:
    bulkheads = {"/a": Bulkhead(1)}
    find = by_path(bulkheads)
    bulkheads.clear()
    assert find("/a")


def test_bad_prefixes_are_refused() -> None:
    with pytest.raises(ValueError, match="must begin with '/'"):
        by_path({"a": Bulkhead(1)})
    with pytest.raises(ValueError, match="must begin with '/'"):
        by_path({"": Bulkhead(1)})
    with pytest.raises(ValueError, match="two bulkheads for '/a/'"):
        by_path({"/a": Bulkhead(1), "/a/": Bulkhead(1)})
    with pytest.raises(TypeError, match="must lead to a Bulkhead, not int"):
        by_path(cast(Any, {"/a": 1}))
    with pytest.raises(TypeError):
        by_path(cast(Any, 1))


def test_the_headers_of_a_refusal() -> None:
    headers = dict(busy_headers(5))
    assert headers == {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(BUSY)), "Retry-After": "5"}
    assert dict(busy_headers(0))["Retry-After"] == "0"


@pytest.mark.parametrize("seconds", [-1, 1.5, True, "1", None])
def test_a_bad_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="retry_after_s"):
        busy_headers(seconds)


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: bulkhead -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
