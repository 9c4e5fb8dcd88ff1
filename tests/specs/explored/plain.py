"""Every kind of statement and expression that is rewritten: what it computes must stay the same."""

from contextlib import nullcontext
from typing import Any

total = 0


class Box:
    kind = "box"

    def __init__(self, value: Any) -> None:
        self.__hidden = value
        self.value = value

    @property
    def hidden(self) -> Any:
        return self.__hidden

    def grow(self, by: int = 1, *more: int, **named: int) -> int:
        self.__hidden += by + sum(more) + sum(named.values())
        return self.value  # type: ignore[no-any-return]


class Child(Box):
    def __init__(self) -> None:
        super().__init__(5)
        self.made = [each for each in range(3) if each]


def steps(most: int) -> Any:
    got: Any = yield 1  # pyright: ignore[reportUnknownVariableType]
    yield got
    yield from range(most)


def everything() -> list[Any]:
    global total  # noqa: PLW0603
    out: list[Any] = []
    box, child = Box(1), Child()
    box.value += 2
    total += box.grow(1, *[2, 3], x=4)
    a, (b, *rest), box.value = 1, (2, 3, 4), 9
    out += [a, b, rest, box.value, box.hidden, child.hidden, child.made, total, Box.kind]
    numbers = list(range(6))
    numbers[1:3] = [8]
    numbers[-1] -= 1
    del numbers[0], child.made
    first = second = numbers[0]
    out += [numbers, numbers[::2], first is second, hasattr(child, "made"), 1 < a + 1 <= 2 < len(numbers), 3 in numbers]
    out.append({key: value for key, value in zip("ab", numbers, strict=False) if value != 0})
    out.append([f"{x!r:>4}" for x in {1: "one"}.values()])
    if (n := len(numbers)) > 3 and not []:
        out.append(n)
    count = 0

    def bump() -> int:
        nonlocal count
        for count in range(count, count + 2):  # noqa: B007, B020
            pass
        return count

    out += [bump(), bump(), count, (lambda x, y=2: x * y)(3)]  # noqa: PLC3002
    with nullcontext(1) as one, nullcontext((2, 3)) as (two, box.value):
        out += [one, two, box.value]
    try:
        numbers[99]
    except IndexError as error:
        out.append(error.args)
    finally:
        out.append("finally")
    made = steps(2)
    out += [next(made), made.send("sent"), list(made)]
    while True:
        a -= 1
        if a < -2:
            break
    for _ in range(2):
        continue
    else:  # noqa: PLW0120
        out.append("else")
    match a:
        case -3:
            out.append("matched")
        case _:
            out.append("not matched")
    out += [*{*numbers}, (-a) ** 2 // 3 % 5, a or b, None if a else b]
    return out
