"""What is explored on an intake: small configurations of threads, and what must hold after each of their schedules.

A thread is a line of words: `offer a`, `take` (waits), `take?` (with a time-out), `take0` (no wait), `next` (of the one iterator
over the intake; its leases are kept), then `look`, `release`,
`drop` for the lease that the thread took last; `release@a` for a lease that was taken before the threads start; `close`, `drain`
(waits), `drain?` (with a time-out), `statistics`.

After each schedule: no deadlock; the history is one of the state machine's (BOUND-1, EXACT-1, LOCAL-1, LEASE-1, CLOSE-1, CLOSE-2);
statistics, read in the middle and at the end, keep the ledger and its bounds (LEDGER-1, BOUND-2); what is left is taken out, in
order and once; then every slot is free and the intake is as good as new (RECOVER-1).
"""

from dataclasses import dataclass
from typing import Final

from .plans import (
    ACCESS_1,
    ACCESS_1_FULL,
    ACCESS_2,
    ACCESS_2_FULL,
    ACCESS_2_LONG,
    ACCESS_3,
    ACCESS_3_LONG,
    OPCODE_1,
    OPCODE_2,
    OPCODE_2_LONG,
    REDUCED,
    REDUCED_FULL,
    REDUCED_LONG,
    WHOLE,
    WHOLE_LONG,
    Plan,
)


@dataclass(frozen=True)
class Configuration:
    """Describe a configuration: what happens before the threads start, what each does, and how it is explored."""

    name: str
    capacity: int
    setup: tuple[str, ...]
    threads: tuple[str, ...]
    clauses: tuple[str, ...]
    plans: tuple[Plan, ...]

    @property
    def drops(self) -> bool:
        """Tell whether a thread drops a lease, so that a finaliser decides what comes after."""
        return any("drop" in thread for thread in self.threads)


_OFFERS = ("BOUND-1", "EXACT-1", "LOCAL-1", "LEDGER-1")
_LEASES = ("LEASE-1", "BOUND-1", "BOUND-2", "EXACT-1")
_CLOSE = ("CLOSE-1", "CLOSE-2", "LEDGER-1")
_TAKER = "take look release"

CONFIGURATIONS: Final = (
    Configuration("offers-2-take-1", 1, (), ("offer a", "offer b", _TAKER), _OFFERS, (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG)),
    Configuration("offers-2-take-1-wide", 2, (), ("offer a", "offer b", _TAKER), _OFFERS, (REDUCED, ACCESS_2, ACCESS_3)),
    Configuration("offers-3-take-1", 1, (), ("offer a", "offer b", "offer c", _TAKER), _OFFERS, (ACCESS_1, REDUCED_FULL, ACCESS_3)),
    Configuration(
        "offers-3-take-1-wide", 2, (), ("offer a", "offer b", "offer c", _TAKER), _OFFERS, (ACCESS_1, REDUCED_FULL, ACCESS_3_LONG)
    ),
    Configuration(
        "offers-2x2-take-2",
        1,
        (),
        ("offer a offer c", "offer b offer d", "take? look release", "take? look release"),
        _OFFERS,
        (ACCESS_1_FULL, ACCESS_2_LONG, ACCESS_3_LONG),
    ),
    Configuration(
        "offers-2x2-take-2-wide",
        2,
        (),
        ("offer a offer c", "offer b offer d", _TAKER, _TAKER),
        _OFFERS,
        (ACCESS_1_FULL, ACCESS_2_LONG, ACCESS_3_LONG),
    ),
    Configuration(
        "claimed-not-published", 1, (), ("offer a", "offer b take0 look"), ("EXACT-1", "BOUND-1"), (REDUCED, WHOLE, OPCODE_2)
    ),
    Configuration(
        "release-release-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "release@a", "offer b"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_2),
    ),
    Configuration(
        "look-release-offer",
        1,
        ("offer a", "take"),
        ("look@a", "release@a", "offer b take? look"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration(
        "look-look-release",
        1,
        ("offer a", "take"),
        ("look@a", "look@a", "release@a offer b"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration(
        "release-offer-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "offer b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "release-drop-offer",
        2,
        ("offer a", "offer b", "take", "look", "take", "look"),
        ("release@a", "drop@b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "drop-offer-offer",
        1,
        ("offer a", "take", "look"),
        ("drop@a", "offer b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "put-back-take",
        1,
        ("offer a",),
        ("take? drop", "take? look release", "offer b"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration("close-offer-take", 1, (), ("close", "offer a", _TAKER), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3, OPCODE_1)),
    Configuration(
        "close-offers-take", 1, (), ("close", "offer a", "offer b", _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG)
    ),
    Configuration(
        "close-offers-take-wide",
        2,
        (),
        ("close", "offer a", "offer b", _TAKER),
        _CLOSE,
        (ACCESS_1_FULL, ACCESS_2_FULL, ACCESS_3_LONG),
    ),
    Configuration("close-take-take", 1, (), ("close", "take", "take"), _CLOSE, (ACCESS_2, REDUCED_LONG, ACCESS_3, OPCODE_1)),
    Configuration("close-close-take", 1, (), ("close", "close", "take"), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3)),
    Configuration(
        "close-release-take",
        1,
        ("offer a", "take", "look"),
        ("close", "release@a", "take"),
        _CLOSE,
        (ACCESS_2, REDUCED_LONG, ACCESS_3),
    ),
    Configuration(
        "close-look-take", 1, ("offer a", "take"), ("close", "look@a", "take"), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3)
    ),
    Configuration(
        "close-take-finish", 1, ("offer a",), ("close", _TAKER, _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1)
    ),
    Configuration(
        "close-put-back",
        1,
        ("offer a",),
        ("close", "take drop", _TAKER),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG, OPCODE_1),
    ),
    Configuration("list-close", 2, ("offer a", "offer b"), ("next next next", "close"), _CLOSE, (ACCESS_2, REDUCED_FULL, OPCODE_1)),
    Configuration(
        "list-close-take",
        1,
        ("offer a",),
        ("next next", _TAKER, "close"),
        (*_CLOSE, "LEASE-1"),
        (ACCESS_1, ACCESS_2_FULL, OPCODE_1),
    ),
    Configuration(
        "list-drop-take", 1, ("offer a", "next"), ("drop@a", "next", "close"), (*_CLOSE, "LEASE-1"), (ACCESS_2, ACCESS_3, OPCODE_1)
    ),
    Configuration(
        "close-statistics",
        1,
        (),
        ("close", "offer a", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, ACCESS_1, WHOLE_LONG, OPCODE_1),
    ),
    Configuration("drain-offer-take", 1, (), ("drain", "offer a", _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1)),
    Configuration("drain-offers", 1, (), ("drain?", "offer a", "offer b"), _CLOSE, (ACCESS_2, ACCESS_3, OPCODE_1)),
    Configuration(
        "drain-release",
        1,
        ("offer a", "take", "look"),
        ("drain", "drain", "release@a"),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1),
    ),
    Configuration(
        "drain-drop-take",
        1,
        ("offer a", "take", "look"),
        ("drain", "drop@a", "take"),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG, OPCODE_1),
    ),
    Configuration(
        "drain-take-take", 1, (), ("drain", "take", "take"), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, REDUCED_LONG, OPCODE_1)
    ),
    Configuration(
        "timeout-publish",
        1,
        (),
        ("take? look release", "offer a", "take? look release"),
        ("LOCAL-1", "LEASE-1"),
        (REDUCED, WHOLE, OPCODE_1),
    ),
    Configuration("timeout-close", 1, (), ("take?", "take", "close"), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, REDUCED_LONG)),
    Configuration(
        "wake-2",
        2,
        (),
        (_TAKER, _TAKER, "offer a", "offer b"),
        ("LOCAL-1", "CLOSE-2"),
        (ACCESS_1, REDUCED_FULL, ACCESS_2_FULL, ACCESS_3_LONG),
    ),
    Configuration(
        "statistics-offer-take",
        1,
        (),
        ("offer a", _TAKER, "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "statistics-release-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "offer b", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "statistics-drop-offer",
        1,
        ("offer a", "take", "look"),
        ("drop@a", "offer b", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
)
BY_NAME: Final = {configuration.name: configuration for configuration in CONFIGURATIONS}
