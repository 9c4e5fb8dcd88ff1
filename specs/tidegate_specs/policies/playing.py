"""How the policies' checks play: traces that chance draws, and one call with an exception at each of its bytecodes."""

import traceback
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, final

from ..check import Result, Settings, Verdict
from ..injection import Interrupt
from ..stops import handler_entries


class Unlike(Exception):
    """Report that the real one did what the model forbids, and which clauses that breaks."""

    def __init__(self, clauses: tuple[str, ...], account: str) -> None:
        super().__init__(account)
        self.clauses = clauses


class Comparing:
    """Be driven in lockstep with the real one."""

    __slots__ = ()

    def demand(self, fact: object, clauses: str, account: str) -> None:
        """Report what is not as it must be."""
        if not fact:
            raise Unlike(tuple(clauses.split()), account)


def drawn(
    chosen: Settings, runs: int, strategies: tuple[Any, ...], play: Callable[..., None], broken: tuple[str, ...]
) -> Result | None:
    """Play traces that Hypothesis draws, by the seed. None if all went well; else ILLEGAL, with the shortest trace that was found.

    strategies: of the arguments of `play`, which raises Unlike. broken: the clauses that any other exception breaks.
    """
    from hypothesis import HealthCheck, Phase, given, seed, settings  # which nobody needs who only reads what the checks show
    from hypothesis import strategies as st

    unlike: list[Unlike] = []

    @seed(chosen.seed)
    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        derandomize=chosen.seed == 0,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(st.tuples(*strategies))
    def run(arguments: tuple[Any, ...]) -> None:
        try:
            play(*arguments)
        except Unlike as error:
            unlike.append(error)
            raise

    try:
        run()
    except Unlike:
        return Result(Verdict.ILLEGAL, "unlike the model", str(unlike[-1]), unlike[-1].clauses)
    except Exception:  # noqa: BLE001 - of the implementation's
        return Result(Verdict.ILLEGAL, "an exception that nobody expects", traceback.format_exc(limit=-4), broken)
    return None


@final
class Interruption:
    """Raise Interrupt before one bytecode of a call, as its hook, where the interpreter could.

    reached: the call came so far. where: the place at which it was raised, if it was.
    """

    def __init__(self, way: str, position: int) -> None:
        self.way, self.position = way, position
        self.reached, self.where = False, ""

    def __call__(self, at: int, code: CodeType, offset: int) -> None:
        if at == self.position:
            self.reached = True
            if offset not in handler_entries(code):
                self.where = f"{self.way}, interrupted at {code.co_qualname}+{offset}"
                raise Interrupt


def interruptions(way: str) -> Iterator[Interruption]:
    """Give an interruption for each bytecode of a call, each to be used before the next is asked for."""
    position = 0
    while True:
        position += 1
        yield (each := Interruption(way, position))
        if not each.reached:
            return
