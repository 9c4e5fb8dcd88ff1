"""Start probes: programs in which the implementation under check is a guest. Each in a process of its own, with a limit of time."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, final

from ..builds import OPTIONS
from ..check import Subject

PROBES: Final = Path(__file__).with_name("probes")
PLAIN: Final = "tidegate"
VENDORED: Final = "somebodys_service.vendored.doorkeeper"  # how a copy may be named in somebody else's project
LIMIT_S: Final = 30.0
ENDED: Final = "status 0"
Found = Mapping[str, Any]


def sources_of(subject: Subject) -> dict[str, str]:
    """Give an implementation's sources by file, as they are imported: a mutant's are in memory. Empty if it is no package."""
    if not isinstance(subject, ModuleType) or subject.__spec__ is None or not hasattr(subject, "__path__"):
        return {}
    in_memory: Mapping[str, tuple[str, str]] | None = getattr(subject.__spec__.loader, "files", None)  # `mutation.MemoryFinder`
    if in_memory is not None:
        return dict(in_memory.values())
    folder = Path(str(subject.__file__)).parent
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))}


@final
@dataclass(frozen=True, slots=True)
class Ran:
    """Give what a program wrote to stdout, how it ended, and the last line on stderr."""

    said: str
    ended: str
    complaint: str


@final
@dataclass(frozen=True, slots=True)
class Copy:
    """Hold a copy of an implementation in a folder of its own, under a name."""

    folder: Path
    name: str

    def ask(self, probe: str, *words: object, limit_s: float = LIMIT_S, python: str = sys.executable) -> Found:
        """Run a probe on it and give what it counted; {"died": why} if it said nothing in time, {"unable": why} if it can't try."""
        ran = self.run(probe, *words, limit_s=limit_s, python=python)
        for line in reversed(ran.said.splitlines()):
            if line.startswith("{") and ran.ended == ENDED:
                found: dict[str, Any] = json.loads(line)
                return found
        return {"died": f"{ran.ended} {ran.complaint}".rstrip()}

    def run(self, probe: str, *words: object, limit_s: float = LIMIT_S, python: str = sys.executable) -> Ran:
        """Run a probe on it in a process of its own, to its end or to the limit; what it leaves behind is ended with it."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment["PYTHONPATH"] = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        command = [python, *OPTIONS, "-P", str(PROBES / f"{probe}.py"), str(self.folder), self.name, *map(str, words)]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=errors, env=environment, start_new_session=True
            ) as process:
                try:
                    process.wait(limit_s)
                    ended = f"status {process.returncode}"
                except subprocess.TimeoutExpired:
                    ended = f"no end within {limit_s:g} s"
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            said.seek(0)
            errors.seek(0)
            complaints = errors.read().decode("utf-8", "replace").strip().splitlines()
            return Ran(said.read().decode("utf-8", "replace"), ended, complaints[-1] if complaints else "")


@contextmanager
def copied(subject: Subject, name: str = PLAIN) -> Generator[Copy, None, None]:
    """Write an implementation's package where another process can import it, under this name."""
    with tempfile.TemporaryDirectory(prefix="tidegate-host-") as folder:
        root = Path(folder, *name.split("."))
        for file, source in sources_of(subject).items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        for number in range(1, name.count(".") + 1):
            Path(folder, *name.split(".")[:number], "__init__.py").touch()
        yield Copy(Path(folder).resolve(), name)
