"""What the adapters promise, as data: the same kind of clause as the contract's, with ids of their own.

Trusted: never imports the kernel or an adapter. Predicates are on observations, counts that the checkers of this package make.
"""

from typing import Final

from ..clauses import Clause

PART: Final = "Adapters"

# Predicates on observations.


def executor_1(waited: int, peak: int, capacity: int, spurious: int) -> bool:
    """No submission waited, no more than `capacity` works were unfinished, and every refusal found them so."""
    return waited == 0 and peak <= capacity and spurious == 0


def executor_2(held: int, lost: int) -> bool:
    """No slot was still held when its future had ended, and none was missing afterwards."""
    return held == 0 and lost == 0


def executor_3(unended: int, doubled: int) -> bool:
    """Every future ended, and no work ran twice or after its future had ended."""
    return unended == 0 and doubled == 0


def expiry(ended: int, stale: int, untold: int, held: int, miscounted: int) -> bool:
    """Something ended; nothing stale was run or handed out, all that expired was told once, with its slot free, and counted."""
    return ended > 0 and stale == 0 and untold == 0 and held == 0 and miscounted == 0


def bulkhead_1(peak: int, capacity: int, spurious: int) -> bool:
    """No more than `capacity` calls were inside, and every refusal found them so."""
    return peak <= capacity and spurious == 0


def bulkhead_2(points: int, lost: int, swallowed: int = 0) -> bool:
    """There were points at which a call was ended, and none of them lost a slot, or the exception, or anything of the host's."""
    return points > 0 and lost == 0 and swallowed == 0


def async_1(waited: int, wake_ups: int, turns: int) -> bool:
    """No offer waited, and the loop was woken at most once for each of its turns."""
    return waited == 0 and wake_ups <= turns


def async_2(threads: int, asleep: int) -> bool:
    """No thread was started for a taker, and none slept although an item was there or the intake was closed and empty."""
    return threads == 0 and asleep == 0


def async_2_crowd(waiting: int, few: int, many: int) -> bool:
    """So many more waited the second time, and what was touched did not grow with them."""
    return many - few < waiting // 4


def async_3(points: int, slots_lost: int, items_lost: int, asleep: int) -> bool:
    """There were points at which a taker or an offer was ended, and none lost a slot, an item or a wake-up."""
    return points > 0 and slots_lost == 0 and items_lost == 0 and asleep == 0


def async_3_foreign(points: int, kept: int) -> bool:
    """There were points at which an exception of some type arrived, and none was kept from the program."""
    return points > 0 and kept == 0


def web_1(peak: int, capacity: int, wrong: int) -> bool:
    """No more than `capacity` requests were in progress, and every refusal was a complete 503 that reached no application."""
    return peak <= capacity and wrong == 0


def web_2(early: int, lost: int) -> bool:
    """No slot was given back before the last byte, and none was missing afterwards."""
    return early == 0 and lost == 0


def web_3(refusals: int, wrong: int, kept: int) -> bool:
    """There were refusals, each told a time that it may be told, and nothing was kept of them and no lock is there to wait for."""
    return refusals > 0 and wrong == 0 and kept == 0


def log_1(waited: int, peak: int, capacity: int, uncounted: int) -> bool:
    """No record waited for the listener, no more than `capacity` were kept, and every other one was counted."""
    return waited == 0 and peak <= capacity and uncounted == 0


def log_2(episodes: int, entered: int, left: int) -> bool:
    """Each episode was reported once when it began and once when it ended."""
    return entered == episodes and left == episodes


def edge_1(episodes: int, entered: int, left: int, inside: int) -> bool:
    """Each episode was told once when it began and once when it ended, and nothing of it ran inside an offer."""
    return entered == episodes and left == episodes and inside == 0


def metrics_1(readings: int, differences: int) -> bool:
    """There were readings, and none differed from the statistics at the same instant."""
    return readings > 0 and differences == 0


CLAUSES: Final[tuple[Clause, ...]] = (
    Clause(
        "EXECUTOR-1",
        PART,
        (
            "`submit` and `try_submit` never wait, whatever the workers do: a future, or the refusal at once. At most "
            "`capacity` works are unfinished (waiting or running), and a refusal means that there was an instant inside the "
            "call at which they were."
        ),
        (executor_1,),
        "A work that is neither finished nor cancelled keeps its slot for ever, and so does its worker.",
    ),
    Clause(
        "EXECUTOR-2",
        PART,
        (
            "A work's slot is free again before its future shows that it is finished, failed or cancelled. No path loses one: "
            "an exception in the work, in the initializer, in the submitter or in a worker, a cancellation."
        ),
        (executor_2,),
        "An exception that arrives inside `submit` may leave the work accepted (INTERRUPT-1).",
    ),
    Clause(
        "EXECUTOR-3",
        PART,
        (
            "Every future ends, once: its work ran, once and in a copy of its submitter's context, or never and the future is "
            "cancelled or failed. Also at shutdown, when the initializer fails, when a worker dies, in a forked child, and when "
            "the interpreter exits: then before the handlers of `atexit`."
        ),
        (executor_3,),
        "Works that never return; processes that are killed.",
    ),
    Clause(
        "EXECUTOR-4",
        PART,
        (
            "With `patience_s` a work that has waited for longer is never run: its slot is free, and then its future fails with "
            "`Expired`, once. Every work is run, cancelled, failed or expired, and never two of these, under every interruption; "
            "as many are counted as expired as futures say it (FRESH-1 and FRESH-2, for works)."
        ),
        (expiry,),
        "A work that has expired keeps its slot until a worker comes to it.",
    ),
    Clause(
        "BULKHEAD-1",
        PART,
        "At most `capacity` calls are inside at once. One more is answered FULL at once, and only if the others were there.",
        (bulkhead_1,),
        "A slot that an interrupted entry left behind counts as held until the next refusal finds it.",
    ),
    Clause(
        "BULKHEAD-2",
        PART,
        (
            "However a call inside ends (a return, an exception, a cancellation, an exception that arrives at any bytecode), "
            "its slot is given back: at once, or, if the exception arrived while entering, at the next refusal at the latest. "
            "The exception comes out, whatever its type, and nothing is cleared or ended of what others still hold."
        ),
        (bulkhead_2,),
        "Two exceptions inside the same recovery (see Limits in the kernel).",
    ),
    Clause(
        "ASYNC-1",
        PART,
        (
            "Offers may come from any thread, any loop and any signal handler. They never wait, are answered where they are "
            "made, and wake a loop at most once however many come between two of its turns."
        ),
        (async_1,),
        "How soon a loop that is busy takes its turn.",
    ),
    Clause(
        "ASYNC-2",
        PART,
        (
            "A taker waits without a thread. None sleeps while an item is there that no other takes, and a closed and empty "
            "intake wakes them all. What an item or a cancellation costs does not grow with the number who wait."
        ),
        (async_2, async_2_crowd),
        "Which of several waiting takers gets an item.",
    ),
    Clause(
        "ASYNC-3",
        PART,
        (
            "A cancellation at any await and an exception at any bytecode lose no slot, no accepted item and no wake-up. An "
            "exception from outside, of whatever type, comes out: none is taken for an answer or dropped."
        ),
        (async_3, async_3_foreign),
        "An item that was looked at is abandoned, as in LEASE-1.",
    ),
    Clause(
        "ASYNC-4",
        PART,
        (
            "With `patience_s` an item that has waited for longer is never handed out: its slot is free, and then it is told to "
            "`on_expired`, once. Every item is handed out, abandoned or expired, and never two of these, under every interruption; "
            "as many are counted as expired as are told (FRESH-1 and FRESH-2, for tasks)."
        ),
        (expiry,),
        "An item that has expired keeps its slot until a taker comes to it.",
    ),
    Clause(
        "WEB-1",
        PART,
        (
            "At most as many requests are in progress as the bulkhead has slots. The next one is answered 503 with "
            "`Retry-After` at once, without calling the application and without reading the body."
        ),
        (web_1,),
        "Connections that the server itself accepts and holds before it calls the application.",
    ),
    Clause(
        "WEB-2",
        PART,
        (
            "A request holds its slot until the last byte of its response is handed to the server (a WebSocket until it "
            "ends), and gives it back however it ends: an exception, a client that went away, a cancellation. Lifespan events "
            "hold none."
        ),
        (web_2,),
        "What the server still buffers after it took the last byte.",
    ),
    Clause(
        "WEB-3",
        PART,
        (
            "Where `Retry-After` is worked out it is a whole number of seconds, at least 1 and at most the longest, chosen by "
            "chance between the wait that is to be expected (the requests inside over the rate at which they ended in the last "
            "interval) and twice that. Working it out takes no lock and leaves nothing behind."
        ),
        (web_3,),
        "How long the requests inside will in truth take, and whether clients do what they are told.",
    ),
    Clause(
        "LOG-1",
        PART,
        (
            "Logging never waits for the listener and never grows: at most `capacity` records are unfinished, and every other "
            "one is counted as dropped."
        ),
        (log_1,),
        "Preparing a record (formatting its message) takes the time it takes.",
    ),
    Clause(
        "LOG-2",
        PART,
        (
            "Entering overload and leaving it are reported once each for an episode, by the listener, with what was dropped; never "
            "per record."
        ),
        (log_2,),
        "An episode that begins and ends between two looks of the listener is told as one with the next.",
    ),
    Clause(
        "EDGE-1",
        PART,
        (
            "An episode of overload is told once when it begins and once when it ends, with its number of rejections. Nothing "
            "of it runs inside an offer, and a callback that raises changes no answer and loses no later edge."
        ),
        (edge_1,),
        "Episodes closer together than the interval are one.",
    ),
    Clause(
        "METRICS-1",
        PART,
        "Collectors read `statistics()` when they are asked and keep no count of their own: what they give is what it says.",
        (metrics_1,),
        "What the exporter behind them does with it.",
    ),
)
