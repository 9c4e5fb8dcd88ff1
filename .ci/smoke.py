"""Use the installed kernel once, from an environment that holds nothing else."""

import sys
from importlib.metadata import version
from pathlib import Path

import tidegate
from tidegate import Closed, Empty, Intake, Outcome


def expect(name: str, found: object, wanted: object) -> None:
    """End with a message unless both are equal. Not an assert: this also runs with -O."""
    if found != wanted:
        sys.exit(f"smoke test: {name} gave {found!r}, not {wanted!r}")


def ends_with(error: type[Exception], intake: Intake[str]) -> bool:
    """Tell whether taking without waiting raises `error`."""
    try:
        intake.take(timeout=0)
    except error:
        return True
    return False


def main() -> None:
    """Offer, take, release, close, drain."""
    home = Path(tidegate.__file__).resolve()
    expect("the kernel's place", home.is_relative_to(Path(sys.prefix).resolve()), True)
    expect("the version", version("tidegate"), tidegate.__version__)
    intake = Intake[str](2)
    expect("offer", [intake.offer("a"), intake.offer("b"), intake.offer("c")], [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.FULL])
    lease = intake.take()
    expect("item", lease.item, "a")
    expect("release", [lease.release(), lease.release()], [True, False])
    with intake.take(timeout=1.0) as item:
        expect("item", item, "b")
    expect("take of an empty intake", ends_with(Empty, intake), True)
    intake.close()
    expect("offer after close", intake.offer("d"), Outcome.CLOSED)
    expect("take after close", ends_with(Closed, intake), True)
    expect("drain", intake.drain(timeout=1.0), 0)
    statistics = intake.statistics()
    expect("the ledger", (statistics.accepted, statistics.full, statistics.closed, statistics.released), (2, 1, 1, 2))
    print(f"smoke test: tidegate {tidegate.__version__} on Python {sys.version.split()[0]}: OK")


if __name__ == "__main__":
    main()
