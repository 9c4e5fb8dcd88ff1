"""Histories of calls on the asynchronous intake beside a plain model."""

import random
from typing import Any, Final, final

from ..check import Result, Settings, Subject, Verdict
from .aio_scene import ENOUGH, Hand, HandLoop, Tally, hand_loop, threads_now
from .clauses import async_2, async_3

HISTORIES: Final = {"quick": 400, "full": 8000}
ACTIONS: Final = 40


# Random histories beside a model


@final
class History:
    """One random history on the intake, with a model of two numbers and a row beside it: what is unfinished, and in which order."""

    def __init__(self, subject: Subject, loop: HandLoop, choose: random.Random) -> None:
        self.hand = Hand(subject, loop, choose.randint(1, 4))
        self.scene = self.hand.scene
        self.outcomes = subject.Outcome
        self.choose = choose
        self.steps: list[str] = []

    def expected(self) -> Any:
        """Tell what the model answers to an offer now."""
        if self.scene.closed:
            return self.outcomes.CLOSED
        return (
            self.outcomes.FULL
            if len(self.scene.accepted) - self.scene.left == self.scene.intake.capacity
            else self.outcomes.ACCEPTED
        )

    def step(self) -> str:
        """Do one random step; say what is wrong afterwards, or nothing."""
        takers = self.scene.takers
        live = [name for name, taker in takers.items() if not taker.ended]
        kinds = ["offer"] * 8 + ["turn"] * 4 + ["settle"] * 3 + ["start"] * 5 * (len(live) < 6) + ["cancel", "let"] * 3 * bool(live)
        kind = self.choose.choice(kinds)
        if self.choose.random() < 0.01:
            kind = "close"
        if kind == "start":
            word = self.choose.choices(["", "for ", "drain "], [57, 38, 5])[0]
            kind = f"start {word}{len(takers)}"
        elif kind in {"cancel", "let"}:
            kind = f"{kind} {self.choose.choice(live)}"
        self.steps.append(kind)
        if kind == "offer":
            wanted = self.expected()
            answer = self.scene.offer()
            return "" if answer is wanted else f"an offer was answered {answer}, and should have been {wanted}"
        self.hand.do(kind)
        if self.scene.entered != self.scene.accepted[: len(self.scene.entered)]:
            return f"accepted {self.scene.accepted}, taken {self.scene.entered}"
        early = [taker.name for taker in takers.values() if taker.ended == "closed" and not self.scene.closed]
        if early:
            return f"taker {early[0]} was told that an open intake is closed"
        return ""


def run_model(subject: Subject, settings: Settings) -> Result:
    choose = random.Random(settings.seed)
    histories, steps, asleep, wrong, witness = 0, 0, 0, 0, ""
    tally = Tally()
    threads = len(threads_now())
    started = 0
    with hand_loop() as loop:
        for _ in range(HISTORIES[settings.profile]):
            history = History(subject, loop, choose)
            fault = ""
            for _ in range(ACTIONS):
                fault = history.step()
                if history.steps[-1] == "settle" and (sleepers := history.scene.asleep()):
                    asleep += len(sleepers)
                    fault = f"{', '.join(sleepers)} left asleep with {history.scene.intake.statistics()}"
                if fault:
                    wrong += 1
                    break
            started = max(started, len(threads_now()) - threads)
            tally.audit(history.scene, history.hand.rest(), "at the end")
            histories += 1
            steps += len(history.steps)
            if (fault or tally.faults) and not witness:
                witness = f"after {'; '.join(history.steps)}: {fault or tally.witness}"
            if wrong + tally.faults >= ENOUGH:
                break
    evidence = (
        f"{histories} histories, {steps:,} steps: {wrong} differ from the model, "
        f"{tally.faults + asleep} slots, items or wake-ups lost"
    )
    blames: tuple[str, ...] = () if async_2(started, asleep + tally.asleep) else ("ASYNC-2",)
    if not async_3(tally.points, tally.slots_lost, tally.items_lost, 0):
        blames += ("ASYNC-3",)
    if wrong > (1 if asleep else 0) and not blames:
        blames = ("ASYNC-1",)
    return (
        Result(Verdict.ILLEGAL, evidence, witness or f"{started} threads were started", blames)
        if wrong or blames
        else Result(Verdict.OK, evidence)
    )
