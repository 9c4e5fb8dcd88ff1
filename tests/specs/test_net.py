"""The net is tied to the kernel's source, whole, and sound in every state that a few threads can reach."""

from pathlib import Path

import tidegate
from tidegate_specs import machine, net
from tidegate_specs.net import IDLE, POINTS, TRANSITIONS, Net

SOURCE = "".join(Path(tidegate.__file__).with_name(name).read_text(encoding="utf-8") for name in ("_intake.py", "_slots.py"))


def test_every_primitive_is_the_kernels_own_text() -> None:
    assert [t.name for t in TRANSITIONS if t.primitive not in SOURCE] == []


def test_the_transitions_are_distinct_and_join_known_points() -> None:
    assert len({t.name for t in TRANSITIONS}) == len(TRANSITIONS) == 93
    assert {t.at for t in TRANSITIONS} | {t.to for t in TRANSITIONS} == {IDLE, *POINTS}
    assert {t.at for t in TRANSITIONS} == {t.to for t in TRANSITIONS}  # every point can be entered and left


def test_actions_are_the_specifications() -> None:
    actions = {action.__name__ for _, action in (*machine.ACTIONS, *machine.LEASE_ACTIONS)} | {"close"}
    used = {t.action for t in TRANSITIONS if t.action}
    assert used <= actions
    # The kernel gives a slot back and then answers CLOSED, and looks before it releases.
    assert actions - used == {"retract", "release_unseen"}


def test_every_transition_is_reached_from_a_new_intake() -> None:
    """Walk every state that few threads reach in an intake of capacity 1, until every transition has been taken."""
    fired: set[str] = set()
    waiting, seen = [net.new(1)], {net.new(1)}
    wanted = {t.name for t in TRANSITIONS if not t.never}
    place = 0
    while fired < wanted:
        assert place < len(waiting), wanted - fired
        n = waiting[place]
        place += 1
        assert net.invariant(n)
        for t in TRANSITIONS:
            if net.enabled(n, t, *((0,) if t.of_item else ())):
                a = net.fire(n, t, *((0,) if t.of_item else ()))
                fired.add(t.name)
                threads = sum(getattr(a, point) for point in POINTS)
                if a not in seen and threads <= 2 and a.accepted + a.full + a.refused <= 1 and a.bells + a.rings <= 1:
                    seen.add(a)
                    waiting.append(a)
    assert fired == wanted


def test_the_map_starts_at_the_beginning() -> None:
    assert net.specification(net.new(3), 0, 0) == machine.initial(3)
    assert Net(2, 2) == net.new(2)
