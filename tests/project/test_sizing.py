"""The page on sizes says what the arithmetic says, and the pages of the adapters answer what a user asks before going live."""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest

from tidegate_specs.clauses import latency_1

DOCS = Path(__file__).parents[2] / "kernel" / "docs"
PAGE = (DOCS / "sizing.md").read_text("utf-8")
ADAPTERS = ("executor", "bulkhead", "asgi", "wsgi", "aio", "log")
ANSWERS = ("How large?", "Where refusals are seen", "How to test it", "What to alert on")


@dataclass(frozen=True, slots=True)
class Row:
    """Hold what a row of the page's table says. Times are in milliseconds."""

    where: str
    workers: int
    service_ms: int
    patience_ms: int
    capacity: int
    finished_per_s: int
    wait_ms: int


def rows(page: str) -> list[Row]:
    """Read the table of a page."""
    found = re.search(r"<!-- table: sizing .*?-->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert found is not None
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()[2:]]
    return [Row(where, *(int(text.removesuffix(" ms").replace(",", "")) for text in numbers)) for where, *numbers in cells]


def row_for(where: str, workers: int, service_ms: int, patience_ms: int) -> Row:
    """Work a row out by the formula of the page."""
    capacity = max(workers, workers * patience_ms // service_ms)
    wait_ms = (ceil(Fraction(capacity, workers)) - 1) * service_ms
    return Row(where, workers, service_ms, patience_ms, capacity, 1000 * workers // service_ms, wait_ms)


def wrong(page: str) -> list[str]:
    """Name the rows of a page that the formula does not give."""
    return [row.where for row in rows(page) if row != row_for(row.where, row.workers, row.service_ms, row.patience_ms)]


def simulated_wait_ms(row: Row) -> int:
    """Play the worst case: every worker has just begun, all other slots are queued. Give how long the last of them waits."""
    ends_ms = [row.service_ms] * row.workers
    start_ms = 0
    for _ in range(row.capacity - row.workers):
        start_ms = heapq.heappop(ends_ms)
        heapq.heappush(ends_ms, start_ms + row.service_ms)
    return start_ms


def unanswered(page: str) -> Iterator[str]:
    """Name what a page of an adapter does not answer, and what it does not link to."""
    yield from (answer for answer in ANSWERS if f"\n## {answer}\n" not in page)
    if "(sizing.md)" not in page:
        yield "sizing.md"


def test_the_table_is_what_the_formula_gives() -> None:
    assert len(rows(PAGE)) == 6
    assert wrong(PAGE) == []


@pytest.mark.parametrize("row", rows(PAGE), ids=lambda row: row.where)
def test_nobody_waits_longer_than_the_page_says(row: Row) -> None:
    assert simulated_wait_ms(row) == row.wait_ms <= row.patience_ms
    assert latency_1(row.wait_ms, row.capacity, row.workers, row.service_ms, 0), "the contract's own bound"


def test_the_worked_example_is_the_first_row() -> None:
    first = rows(PAGE)[0]
    assert f"{first.workers} x {first.patience_ms:,} / {first.service_ms} = {first.capacity}:" in PAGE
    assert f"RejectingExecutor(capacity={first.capacity}, workers={first.workers})" in PAGE


@pytest.mark.parametrize(
    ("old", "new"), [("| 312 | 160 |", "| 313 | 160 |"), ("| 80 | 200 |", "| 80 | 201 |"), ("900 ms |\n| req", "901 ms |\n| req")]
)
def test_planted_wrong_figure_is_found(old: str, new: str) -> None:
    assert PAGE.count(old) == 1
    assert len(wrong(PAGE.replace(old, new))) == 1


def test_planted_slot_too_many_makes_somebody_wait_too_long() -> None:
    assert simulated_wait_ms(Row("planted", 8, 50, 1_949, 313, 160, 0)) > 1_949


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_page_of_an_adapter_answers_what_is_asked(name: str) -> None:
    assert list(unanswered((DOCS / f"{name}.md").read_text("utf-8"))) == []


def test_planted_missing_answer_is_found() -> None:
    page = "".join(f"\n## {answer}\n" for answer in ANSWERS[1:])
    assert list(unanswered(page)) == ["How large?", "sizing.md"]
