# ruff: noqa: E501 - a text to be replaced is one line
"""The specification broken on purpose: each mutant with the clause it breaks, and the obligation that refutes it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace one text in `machine` or `net`, where it must occur exactly once."""

    name: str
    breaks: str
    refuted_by: str
    old: str
    new: str

    @property
    def module(self) -> str:
        return "net" if self.refuted_by.startswith("net.") else "machine"


M = Mutant
_HOLD = "free=s.free - 1, claimed=s.claimed + 1, peak=peak"
_RELEASE = "free=s.free + 1, released=s.released + 1)\n\n\ndef can_release_unseen"
MUTANTS: Final[tuple[Mutant, ...]] = (
    M("a claim that keeps its slot free", "BOUND-2", "inductive.claim.bound_2", _HOLD, "claimed=s.claimed + 1, peak=peak"),
    M("a claim without a free slot", "BOUND-2", "inductive.claim.bound_2", "return s.free > 0", "return s.free >= 0"),
    M("a claim that mints", "FIXED-1", "inductive.claim.fixed_1", _HOLD, "capacity=s.capacity + 1, claimed=s.claimed + 1, peak=peak"),
    M("a peak that forgets", "LEDGER-1", "inductive.claim.peak_2", "held > s.peak and not s.closed else", "not s.closed else"),
    M("a peak that is never raised", "LEDGER-1", "inductive.claim.peak_1", "held > s.peak and not s.closed else", "held < s.peak and not s.closed else"),
    M(
        "an admission that loses its slot",
        "BOUND-2",
        "inductive.admit.bound_2",
        "claimed=s.claimed - 1, admitted=s.admitted + 1",
        "claimed=s.claimed - 1",
    ),
    M("an admission after close", "CLOSE-1", "inductive.admit.close_1", "s.claimed > 0 and not s.closed", "s.claimed > 0"),
    M(
        "a retraction that loses its slot",
        "BOUND-2",
        "inductive.retract.bound_2",
        "free=s.free + 1, refused=s.refused + 1",
        "refused=s.refused + 1",
    ),
    M(
        "a publication at the head",
        "LOCAL-1",
        "history.publish.fifo",
        "queue=(*s.queue, s.accepted), accepted",
        "queue=(s.accepted, *s.queue), accepted",
    ),
    M("a publication uncounted", "LEDGER-1", "inductive.publish.ledger_1", ", accepted=s.accepted + 1)", ")"),
    M("a publication twice", "NORETRY-1", "inductive.publish.noretry_1", "(*s.queue, s.accepted)", "(*s.queue, s.accepted, s.accepted)"),
    M(
        "a withdrawal that loses its slot",
        "BOUND-2",
        "inductive.withdraw.bound_2",
        "claimed=s.claimed - 1, free=s.free + 1)",
        "claimed=s.claimed - 1)",
    ),
    M("FULL with a slot free", "EXACT-1", "inductive.refuse_full.exact_1", "return s.free == 0", "return s.free <= 1"),
    M("a rejection that takes a slot", "BOUND-2", "inductive.refuse_full.bound_2", "full=s.full + 1)", "full=s.full + 1, free=s.free - 1)"),
    M(
        "a rejection that is queued",
        "NORETRY-1",
        "inductive.refuse_full.noretry_1",
        "full=s.full + 1)",
        "full=s.full + 1, queue=(*s.queue, s.accepted))",
    ),
    M("an open intake that answers CLOSED", "EXPLICIT-1", "inductive.answers.admits_or_full", "return s.closed\n", "return True\n"),
    M(
        "a take of the newest",
        "LOCAL-1",
        "inductive.take.local_1",
        "queue=s.queue[1:], unseen=(*s.unseen, s.queue[0])",
        "queue=s.queue[:-1], unseen=(*s.unseen, s.queue[-1])",
    ),
    M("a take that leaves the item", "LOCAL-1", "history.take.fifo", "queue=s.queue[1:], ", ""),
    M("a take from an empty queue", "LOCAL-1", "inductive.take.total", "return len(s.queue) > 0", "return len(s.queue) >= 0"),
    M(
        "Closed while an item may come back",
        "CLOSE-2",
        "inductive.answer_closed.close_2",
        "len(s.queue) == 0 and len(s.unseen) == 0\n\n\ndef answer_closed",
        "len(s.queue) == 0\n\n\ndef answer_closed",
    ),
    M(
        "Closed while an offer is in progress",
        "CLOSE-2",
        "inductive.answer_closed.close_2",
        "return s.closed and s.admitted == 0 and len",
        "return s.closed and len",
    ),
    M("a look that loses the item", "BOUND-2", "inductive.look.bound_2", "seen=(*s.seen, s.unseen[i]))", "seen=s.seen)"),
    M(
        "a look one too far",
        "LEASE-1",
        "inductive.look.total",
        "def can_look(s: State, i: int) -> bool:\n    return 0 <= i < len",
        "def can_look(s: State, i: int) -> bool:\n    return 0 <= i <= len",
    ),
    M("a release that frees two slots", "BOUND-2", "inductive.release.bound_2", _RELEASE, _RELEASE.replace("+ 1", "+ 2", 1)),
    M(
        "a release that is not counted",
        "LEDGER-1",
        "inductive.release.ledger_1",
        _RELEASE,
        _RELEASE.replace(", released=s.released + 1", ""),
    ),
    M(
        "a release of another's item",
        "LOCAL-1",
        "history.release.once",
        "seen=s.seen[:i] + s.seen[i + 1 :], free=s.free + 1, released",
        "seen=s.seen[1:], free=s.free + 1, released",
    ),
    M(
        "an item unseen that is abandoned",
        "LEASE-1",
        "inductive.release_unseen.lease_1",
        "unseen=s.unseen[:i] + s.unseen[i + 1 :], free=s.free + 1, released=s.released + 1",
        "unseen=s.unseen[:i] + s.unseen[i + 1 :], free=s.free + 1, abandoned=s.abandoned + 1",
    ),
    M("an abandoned slot that stays away", "BOUND-2", "inductive.abandon.bound_2", "free=s.free + 1, abandoned", "abandoned"),
    M(
        "an item put back at the head",
        "LOCAL-1",
        "history.put_back.fifo",
        "queue=(*s.queue, s.unseen[i])",
        "queue=(s.unseen[i], *s.queue)",
    ),
    M("a close that opens again", "CLOSE-1", "inductive.close.close_1", "closed=True", "closed=not s.closed"),
    M(
        "drained while work is in flight",
        "CLOSE-2",
        "inductive.answer_drained.close_2",
        "s.closed and left(s) == 0",
        "s.closed and len(s.queue) == 0",
    ),
    M(
        "a drain that forgets offers",
        "CLOSE-2",
        "inductive.answers.drain_counts_what_is_held",
        "return s.capacity - s.free\n",
        "return len(s.queue) + in_flight(s)\n",
    ),
    M("an invariant too weak", "BOUND-2", "inductive.implies.bound_2", "bound_1(s) and bound_2(s) and", "bound_1(s) and"),
    M("an invariant that nothing meets", "BOUND-1", "inductive.admit.bound_1", "s.capacity >= 1 and b", "s.capacity < s.capacity and b"),
    M("atomic: a claim without a free slot", "BOUND-1", "net.04.offer.refines", '"holding", some_free, claim', '"holding", always, claim'),
    M("atomic: a spurious FULL", "EXACT-1", "net.01.offer.refines", '"slots.free", "none", IDLE, "unserved", none_free', '"slots.free", "none", IDLE, "unserved", always'),
    M("atomic: no second look", "CLOSE-1", "net.06.offer.refines", '"holding", "storing", is_open', '"holding", "storing", always'),
    M("atomic: a slot comes home twice", "BOUND-2", "net.70.recover.conservation", "free=n.free + 1)\n\n\ndef come_home_and", "free=n.free + 2)\n\n\ndef come_home_and"),
    M("atomic: an exception loses a slot", "INTERRUPT-1", "net.50.offer.conservation", '"holding", "recovering")', '"holding", IDLE)'),
    M("atomic: Closed one slot too early", "CLOSE-2", "net.32.take.refines", "n.home + n.met == n.capacity", "n.home + n.met >= n.capacity - 1"),
)  # fmt: skip
