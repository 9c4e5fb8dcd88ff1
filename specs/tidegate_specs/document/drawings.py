"""Two drawings of the machine, made from its walk: the life of a slot, and all forms of an intake of capacity 1.

A form stands in the column of the place where its one slot is, and in the row of what is over: so equal things stand under each
other, and no layout has to be searched for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ..machine import State
from ..walk.states import graph

PLACES = ("FREE", "CLAIMED", "ADMITTED", "QUEUED", "UNSEEN", "SEEN")
ROWS = ("open", "closed", "ended", "drained", "ended, drained")
_PITCH_X, _PITCH_Y = 158, 196
_WIDE, _HIGH = 92, 36
_LEFT, _TOP = 205, 40

Spot = tuple[int, int]  # column and row


@dataclass(frozen=True, slots=True)
class Arrow:
    """Describe the steps that lead from one spot to another, by the names of their actions."""

    before: Spot
    after: Spot
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{spot_name(self.before)} to {spot_name(self.after)}: {', '.join(self.names)}"


def spot_of(s: State) -> Spot:
    """Tell where the one slot of an intake is, and what is over."""
    held = (s.free, s.claimed, s.admitted, len(s.queue), len(s.unseen), len(s.seen))
    over = [each for each, true in (("ended", s.ended), ("drained", s.drained)) if true]
    return held.index(1), ROWS.index(", ".join(over) or ("closed" if s.closed else "open"))


def spot_name(spot: Spot) -> str:
    """Say a spot in words."""
    return f"{PLACES[spot[0]]}, {ROWS[spot[1]]}"


def arrows() -> list[Arrow]:
    """Collect the steps of the walk by the spots they join."""
    walked = graph(1)
    names: dict[tuple[Spot, Spot], dict[str, None]] = {}
    for before, name, after in walked.edges:
        ends = spot_of(walked.states[before]), spot_of(walked.states[after])
        names.setdefault(ends, {})[name.partition(" ")[0]] = None
    return [Arrow(*ends, tuple(found)) for ends, found in sorted(names.items())]


def life() -> str:
    """Draw the life of a slot: where it can be, and the actions that move it."""
    merged: dict[tuple[int, int], dict[str, None]] = {}
    for arrow in arrows():
        if arrow.before[0] != arrow.after[0]:
            merged.setdefault((arrow.before[0], arrow.after[0]), {}).update(dict.fromkeys(arrow.names))
    moves = [Arrow((before, 0), (after, 0), tuple(names)) for (before, after), names in merged.items()]
    return _svg("life", "The life of a slot", [(column, 0) for column in range(len(PLACES))], moves, rows=False)


def states() -> str:
    """Draw all forms of an intake of capacity 1, without the steps that stay where they are."""
    found = arrows()
    spots = sorted({arrow.before for arrow in found} | {arrow.after for arrow in found})
    moves = [arrow for arrow in found if arrow.before != arrow.after]
    return _svg("states", "The state graph for capacity 1", spots, moves, rows=True)


def _svg(name: str, title: str, spots: Sequence[Spot], moves: Sequence[Arrow], *, rows: bool) -> str:
    left = _LEFT if rows else 66
    lowest = max(row for _, row in spots)
    deepest = max((a.before[0] - a.after[0] for a in moves if a.before[1] == a.after[1] == lowest), default=0)
    wide = left + _PITCH_X * (len(PLACES) - 1) + (112 if rows else 66)
    high = _TOP + _PITCH_Y * lowest + _depth(deepest) + 40
    parts = [
        f'<svg id="{name}" viewBox="0 0 {wide} {high}" role="img" aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-desc">{escape("; ".join(str(move) for move in moves))}</desc>',
        f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    ]
    parts += [f'<text class="row" x="8" y="{_TOP + _PITCH_Y * row + 5}">{label}</text>' for row, label in enumerate(ROWS) if rows]
    lines, labels = zip(*(_arrow(move, left, f"{name}-tip") for move in moves), strict=True)
    parts += [*lines, *(_box(spot, left) for spot in spots), *labels, "</svg>"]
    return "\n".join(parts)


def _centre(spot: Spot, left: int) -> tuple[int, int]:
    return left + _PITCH_X * spot[0], _TOP + _PITCH_Y * spot[1]


def _box(spot: Spot, left: int) -> str:
    x, y = _centre(spot, left)
    rect = f'<rect x="{x - _WIDE // 2}" y="{y - _HIGH // 2}" width="{_WIDE}" height="{_HIGH}" rx="6"/>'
    return f'<g class="spot">{rect}<text x="{x}" y="{y + 5}">{PLACES[spot[0]]}</text></g>'


def _depth(span: int) -> int:
    """Tell how far below its row an arrow that leads back over `span` columns hangs."""
    return 0 if span == 0 else 20 + 24 * span


def _arrow(move: Arrow, left: int, tip: str) -> tuple[str, str]:
    """Draw one arrow: its line and its label."""
    (x1, y1), (x2, y2) = _centre(move.before, left), _centre(move.after, left)
    over, up = _WIDE // 2, _HIGH // 2
    if y1 != y2 and abs(move.after[1] - move.before[1]) > 1:  # past a row: round the left side
        path = f"M{x1 - over} {y1 + 6} C{x1 - over - 62} {y1 + 70} {x2 - over - 62} {y2 - 70} {x2 - over} {y2 - 6}"
        label = _label(x1 - over - 44, (y1 + y2) // 2 + (30 if move.before[1] % 2 else -30), move.names, "middle")
    elif y1 != y2:
        path = f"M{x1 + 14} {y1 + up} L{x2 + 14} {y2 - up}"
        label = _label(x1 + 18, y2 - up - 12, move.names, "start")
    elif x1 < x2:
        path = f"M{x1 + over} {y1} L{x2 - over} {y2}"
        label = _label((x1 + x2) // 2, y1 - 7, move.names, "middle")
    else:
        low = y1 + _depth(move.before[0] - move.after[0])
        start, end = x1 - 14, x2 + 26 - 8 * (move.before[0] - move.after[0])
        path = f"M{start} {y1 + up} C{start} {low} {start - 10} {low} {start - 30} {low} L{end + 30} {low} "
        path += f"C{end + 10} {low} {end} {low} {end} {y2 + up}"
        label = _label((start + end) // 2, low - 5, move.names, "middle")
    return f'<path class="arrow" marker-end="url(#{tip})" d="{path}"><title>{escape(str(move))}</title></path>', label


def _label(x: int, y: int, names: Iterable[str], anchor: str) -> str:
    text = ", ".join(name.replace("_", " ") for name in names)
    return f'<text class="label" text-anchor="{anchor}" x="{x}" y="{y}">{escape(text)}</text>'
