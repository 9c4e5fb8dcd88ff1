"""Assert that a wheel holds exactly the four packages, and says the right things of itself.

Usage: wheel_contents.py WHEEL CLONE
"""

import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

PACKAGES = ("kernel/tidegate", "specs/tidegate_gate", "specs/tidegate_specs", "stress/tidegate_stress")
DIST_INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
ALWAYS = ("tidegate/LICENSE", *(f"{package.rpartition('/')[2]}/py.typed" for package in PACKAGES))
PLAIN_NAMES = ("LICENSE", "bounds.json", "costs.json", "manifest.json", "obligations.json", "points.json", "py.typed")


def expected_names(clone: Path) -> set[str]:
    """List what the four package folders hold."""
    return {
        str(file.relative_to((clone / package).parent).as_posix())
        for package in PACKAGES
        for file in (clone / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def faults_of_names(names: set[str], expected: set[str]) -> Iterator[str]:
    """Tell how the packages' files differ from the expected ones."""
    yield from (f"not from the four packages: {name}" for name in sorted(names - expected))
    yield from (f"missing: {name}" for name in sorted((expected | set(ALWAYS)) - names))
    for name in sorted(names):
        if not name.endswith(".py") and name.rpartition("/")[2] not in PLAIN_NAMES:
            yield f"neither a module nor a licence: {name}"


def faults_of_metadata(metadata: Message) -> Iterator[str]:
    """Tell what the metadata should say and does not."""
    wanted = {"Name": "tidegate", "Requires-Python": ">=3.11", "License-Expression": "MIT", "License-File": "LICENSE"}
    for field, value in wanted.items():
        if metadata.get_all(field) != [value]:
            yield f"{field} is {metadata.get_all(field)}, not {value!r}"
    for requirement in metadata.get_all("Requires-Dist", []):
        if "extra ==" not in requirement:
            yield f"a runtime dependency: {requirement}"


def faults_of(wheel: Path, clone: Path) -> Iterator[str]:
    """Compare one wheel with the clone it was built from."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        dist_info = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
        info = {f"{dist_info}/{name}" for name in DIST_INFO}
        yield from (f"missing: {name}" for name in sorted(info - names))
        yield from faults_of_names(names - info, expected_names(clone))
        if f"{dist_info}/METADATA" in names:
            yield from faults_of_metadata(Parser().parsestr(archive.read(f"{dist_info}/METADATA").decode()))
        for name in sorted(names):
            print(f"{archive.getinfo(name).file_size:8} bytes  {name}")


def main() -> None:
    """Print the wheel's files; end with its faults, if there are any."""
    wheel, clone = Path(sys.argv[1]), Path(sys.argv[2])
    faults = list(faults_of(wheel, clone))
    if faults:
        sys.exit("\n".join(f"{wheel.name}: {fault}" for fault in faults))
    print(f"{wheel.name}: exactly {', '.join(package.rpartition('/')[2] for package in PACKAGES)}")


if __name__ == "__main__":
    main()
