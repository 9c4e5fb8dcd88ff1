"""Intakes that say on the way that they refuse: on a stream, in a file, in the log, as a warning."""

import logging
import os
import sys
import tempfile
import warnings
from typing import Any, ClassVar, final

from .adapter import Outcome
from .honest import Locked

# What a rejection leaves to see and hear


class Speaks(Locked):
    """Say each time that an offer is refused."""

    breaks = ("QUIET-1",)

    def _refuse(self, item: Any) -> Outcome:
        self._say()
        return super()._refuse(item)

    def _say(self) -> None:
        raise NotImplementedError("each of those below has a way of its own")


@final
class Prints(Speaks):
    """Print that an offer is refused."""

    def _say(self) -> None:
        sys.stdout.write("refused\n")


@final
class WritesToStderr(Speaks):
    """Write, past all of Python, that an offer is refused."""

    def _say(self) -> None:
        os.write(2, b"refused\n")


@final
class Logs(Speaks):
    """Log, for whoever wants to know all, that an offer is refused."""

    def _say(self) -> None:
        logging.getLogger(__name__).debug("refused")


@final
class Warns(Speaks):
    """Warn, of what nobody is shown unless he asks, that an offer is refused."""

    def _say(self) -> None:
        warnings.warn("refused", PendingDeprecationWarning, stacklevel=2)


@final
class OpensItsJournal(Speaks):
    """Open a file to write that an offer is refused."""

    def _say(self) -> None:
        with open(os.devnull, "a", encoding="utf-8") as journal:
            journal.write("refused\n")


@final
class KeepsAJournal(Speaks):
    """Write to a file that is open that an offer is refused."""

    journal: ClassVar[list[int]] = []  # the descriptor, once there is one

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        if not self.journal:
            descriptor, name = tempfile.mkstemp()
            os.unlink(name)
            self.journal.append(descriptor)

    def _say(self) -> None:
        os.write(self.journal[0], b"refused\n")


@final
class TellsNowAndThen(Speaks):
    """Write of every five thousandth offer that is refused."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._refused = 0

    def _say(self) -> None:
        self._refused += 1
        if self._refused % 5_000 == 0:
            sys.stderr.write("5000 refused\n")
