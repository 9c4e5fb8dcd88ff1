"""The nine links of the collapse, and the clauses that break each of them.

A service rarely falls over because it computes wrongly. It falls over because it says no too late: each link pulls the next.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Describe one link: what happens to a service without an intake, what breaks it, and the clauses that say so."""

    happens: str
    broken: str
    clauses: tuple[str, ...]


LINKS: tuple[Link, ...] = (
    Link(
        "Work arrives faster than it can be finished.",
        "Each offer is answered at once, and refused only if there is no slot.",
        ("EXPLICIT-1", "EXACT-1", "RESPONSIVE-1"),
    ),
    Link(
        "The excess is buffered.",
        "There is no buffer beyond the slots, and no more of them can be made.",
        ("BOUND-1", "BOUND-2", "FIXED-1"),
    ),
    Link(
        "The queue grows unseen.",
        "It cannot grow, and every answer and every slot is counted.",
        ("BOUND-1", "LEDGER-1"),
    ),
    Link(
        "Latency grows faster than the queue.",
        "An accepted item waits for a known number of others, and an offer for none.",
        ("LATENCY-1", "RESPONSIVE-1"),
    ),
    Link(
        "Callers time out.",
        "An offer waits for nobody, so it has nothing to time out of.",
        ("NOWAIT-1", "NOWAIT-2"),
    ),
    Link(
        "They retry together.",
        "The intake retries nothing, and rejecting costs little however often it happens.",
        ("NORETRY-1", "QUIET-1", "RESPONSIVE-2"),
    ),
    Link(
        "Memory climbs.",
        "A rejection leaves nothing behind, and the intake's memory is bounded from the start.",
        ("MEMORY-1", "STABLE-1", "FIXED-1"),
    ),
    Link(
        "The scheduler stops being fair.",
        "Rejected producers give way to the workers, and a stopped party stops nobody's offer.",
        ("RESPONSIVE-2", "NOWAIT-2"),
    ),
    Link(
        "Everything fails at once.",
        "A fault stays where it is, loses no slot and no other's item, and is over when its cause is.",
        (
            "LOCAL-1",
            "RECOVER-1",
            "LEASE-1",
            "CLOSE-1",
            "CLOSE-2",
            "REENTRY-1",
            "INTERRUPT-1",
            "FORK-1",
            "HOSTILE-1",
            "HOST-1",
            "HOST-2",
        ),
    ),
)
