"""What kind of clause each is, for an intake that is not the kernel: who has to keep it, and who can tell."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..check import needs

Kind = Literal["required", "optional", "stochastic", "not testable here"]


@dataclass(frozen=True, slots=True)
class ClauseClass:
    """Say what kind of clause it is.

    required: any bounded intake has to keep it. optional: it is about an ability, and judged where `needs` are declared.
    stochastic: it is about time and memory under load, measured with real threads, so a noisy machine gives UNKNOWN; `tidegate
    stress` measures more. not testable here: only the source could show it, and the checks know the kernel's source alone.
    """

    kind: Kind
    needs: frozenset[str] = frozenset()
    why: str = ""


def _optional(words: str, why: str) -> ClauseClass:
    return ClauseClass("optional", needs(words), why)


_LOAD: Final = needs("offer refuses take wait release close statistics threads")

# By clause id, in the order of the contract. The adapters' clauses are about our own adapters, and not here.
CLASSES: Final[Mapping[str, ClauseClass]] = {
    "BOUND-1": ClauseClass(
        "required", why="read for what the bound is on: all that is unfinished, or what is queued if taking frees"
    ),
    "BOUND-2": _optional("refuses", "slots that are never all held can't be counted"),
    "EXACT-1": _optional("refuses", "it never says that it is full"),
    "NOWAIT-1": ClauseClass("not testable here", needs("kernel"), "it is about the source of offer; NOWAIT-2 shows what it is for"),
    "NOWAIT-2": _optional("threads bytecode", "a party is stopped at every bytecode while another offers"),
    "EXPLICIT-1": _optional("answers", "a refusal that is raised was made a value by the adapter"),
    "FIXED-1": ClauseClass("required"),
    "NORETRY-1": _optional("refuses", "it refuses nothing"),
    "QUIET-1": _optional("refuses", "it refuses nothing"),
    "MEMORY-1": _optional("refuses", "it refuses nothing"),
    "RESPONSIVE-1": ClauseClass("stochastic", _LOAD),
    "RESPONSIVE-2": ClauseClass("stochastic", _LOAD),
    "LATENCY-1": ClauseClass("stochastic", _LOAD),
    "STABLE-1": ClauseClass("stochastic", _LOAD),
    "LOCAL-1": ClauseClass("required"),
    "RECOVER-1": ClauseClass("required", why="the same answers as before; within what time is stochastic"),
    "LEASE-1": _optional("release", "taking frees the slot, so there is no lease to speak of"),
    "CLOSE-1": _optional("close", "there is no close"),
    "CLOSE-2": _optional("close", "there is no close"),
    "LEDGER-1": _optional("statistics", "there are no counts"),
    "REENTRY-1": _optional("bytecode", "C code is not interrupted in between"),
    "INTERRUPT-1": _optional("bytecode", "C code is not interrupted in between"),
    "FORK-1": _optional("fork", "what a fork leaves is not promised"),
    "HOSTILE-1": ClauseClass("required"),
    "HOST-1": ClauseClass("not testable here", needs("kernel"), "it is about a process with the kernel and its adapters in it"),
    "HOST-2": ClauseClass("not testable here", needs("kernel"), "the same"),
}


def why_not_applicable(id_: str, declared: Collection[str]) -> str:
    """Say why a clause is not judged on an intake that declares these capabilities."""
    found = CLASSES[id_]
    if found.kind == "not testable here":
        return f"{found.kind}: {found.why}"
    lacks = ", ".join(sorted(found.needs - set(declared))) or "what every check on it needs"
    return f"{found.kind}; not declared: {lacks}" + (f" ({found.why})" if found.why else "")
