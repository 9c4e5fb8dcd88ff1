"""What every command needs for its report: a file that is whole at every moment, and text that cannot steer a terminal."""

import os
import tempfile
from pathlib import Path

from .extras import UsageError


class ReportFile:
    """Keep a report on disk up to date: at every moment there is a whole one.

    target: the option's file; None or "-" keep none. Raises UsageError where it can't be written, naming the option: at once,
    before there is anything to write, unless that is seen only by writing (a disk that fills up).
    """

    def __init__(self, target: str | None, option: str = "--json") -> None:
        self._option = option
        self._path = None if target is None or target == "-" else Path(os.path.realpath(target))
        self._plain = self._path is None or not self._path.exists() or self._path.is_file()
        if self._path is not None:
            self._try(self._path)

    def write(self, text: str, final: bool) -> None:
        """Replace the report, or fill it where there is nothing to replace (a pipe, a device): then only once, at the end."""
        if self._path is None or not (self._plain or final):
            return
        try:
            if self._plain:
                self._replace(self._path, text)
            else:
                self._path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{self._option}: cannot write {self._path}: {error.strerror}") from None

    def _try(self, path: Path) -> None:
        """Find out that the file can't be written, leaving no trace."""
        if not path.parent.is_dir():
            raise UsageError(f"{self._option}: no folder {path.parent}")
        if path.is_dir():
            raise UsageError(f"{self._option}: {path} is a folder")
        try:
            if self._plain:
                descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
                os.close(descriptor)
                Path(name).unlink()
        except OSError as error:
            raise UsageError(f"{self._option}: cannot write {path}: {error.strerror}") from None
        if not self._plain and not os.access(path, os.W_OK):
            raise UsageError(f"{self._option}: cannot write {path}")

    def _replace(self, path: Path, text: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def plain_text(text: str) -> str:
    """Escape what could steer a terminal: a witness may quote anything."""
    return "".join(char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text)


def one_line(text: str, longest: int = 300) -> str:
    """Give a text as one line that can be shown on any terminal."""
    line = plain_text(" ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."
