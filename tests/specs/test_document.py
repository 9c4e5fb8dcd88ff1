"""The document is whole and fresh: every clause, every anchor, nothing from elsewhere, and a citation that names what is there."""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tidegate import __version__
from tidegate_specs.clauses import CLAUSES
from tidegate_specs.document import cite, drawings
from tidegate_specs.document.content import Entry, entries
from tidegate_specs.document.links import LINKS
from tidegate_specs.document.page import page
from tidegate_specs.document.text import Text
from tidegate_specs.prove import CHECKS
from tidegate_specs.walk import states

ROOT = Path(__file__).parents[2]
README = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
VOID = {"br", "link", "meta"}


class Reader(HTMLParser):
    """Read a page: its ids, its links, what it would load; and see that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.targets.append(value or "")
            elif name in {"src", "href", "srcset", "data", "xlink:href"}:
                self.loaded.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


@pytest.fixture(scope="module")
def found() -> tuple[Entry, ...]:
    return entries(CHECKS)


@pytest.fixture(scope="module")
def html(found: tuple[Entry, ...]) -> str:
    return page(found)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def test_page_is_well_formed(reader: Reader) -> None:
    assert reader.faults == []
    assert reader.open == []


def test_every_anchor_resolves(reader: Reader) -> None:
    assert len(set(reader.ids)) == len(reader.ids)
    assert {target.removeprefix("#") for target in reader.targets} <= set(reader.ids)
    assert all(target.startswith("#") for target in reader.targets)


def test_nothing_is_loaded_and_nothing_runs(html: str, reader: Reader) -> None:
    assert reader.loaded == ["data:,"]
    assert not reader.tags & {"script", "iframe", "img", "object", "embed", "form"}
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style


def test_page_is_for_phones_paper_and_the_dark(html: str) -> None:
    for wanted in ("width=device-width", "prefers-color-scheme: dark", "@media print", "max-width: 36rem", "overflow-x: auto"):
        assert wanted in html


@pytest.mark.parametrize("clause", CLAUSES, ids=str)
def test_a_clause_is_told_in_full(clause: object, found: tuple[Entry, ...], html: str) -> None:
    (entry,) = [each for each in found if each.clause is clause]
    assert html.count(f'<article id="{entry.clause.id}">') == 1
    text = "\n".join(Text(100, colour=False).clause(entry))
    assert all(f"def {predicate.__name__}(" in text for predicate in entry.clause.predicates)
    assert all(check.name in text for check in entry.checks)
    assert all(mutant.name in text for mutant in entry.mutants)
    assert bool(entry.obligations) != bool(entry.not_proved)


def test_text_is_as_wide_as_told_and_plain(found: tuple[Entry, ...]) -> None:
    lines = list(Text(70, colour=False).document(found))
    assert not any("\x1b" in line for line in lines)
    assert any("\x1b[1m" in line for line in Text(70, colour=True).document(found))
    sentences = [line for line in lines if line.startswith("  Accepted, unfinished")]
    assert sentences
    assert all(len(line) <= 70 for text in sentences for line in text.splitlines())


def test_there_are_nine_links_and_every_clause_breaks_one() -> None:
    assert len(LINKS) == 9
    assert {id_ for link in LINKS for id_ in link.clauses} == {clause.id for clause in CLAUSES}


def test_drawings_hold_the_whole_walk() -> None:
    walked = states.graph(1)
    steps = {
        (drawings.spot_of(walked.states[before]), name.partition(" ")[0], drawings.spot_of(walked.states[after]))
        for before, name, after in walked.edges
    }
    assert {(arrow.before, name, arrow.after) for arrow in drawings.arrows() for name in arrow.names} == steps
    spots = {spot for before, _, after in steps for spot in (before, after)}
    svg = drawings.states()
    assert svg.count('class="spot"') == len(spots)
    assert svg.count('class="arrow"') == len({(before, after) for before, _, after in steps if before != after})
    assert drawings.life().count('class="spot"') == len(drawings.PLACES)


def test_citation_is_fresh() -> None:
    stored = (ROOT / "specs" / "CITATION.cff").read_text(encoding="utf-8")
    assert stored == cite.citation(), "run: tidegate spec --cite > specs/CITATION.cff"


def test_citation_has_what_an_archive_asks_for() -> None:
    fields = dict(re.findall(r"^([a-z-]+):(?: (.*))?$", cite.citation(), re.MULTILINE))
    assert {"cff-version", "message", "title", "authors"} <= set(fields)  # those that the format requires
    assert fields["cff-version"] == "1.2.0"
    assert fields["version"] == f'"{__version__}"'
    assert fields["license"] == "MIT"
    assert re.fullmatch(r'"https://\S+"', fields["repository-code"])
    assert re.fullmatch(r'"\d{4}-\d\d-\d\d"', fields["date-released"])
    assert set(fields) <= {
        *("abstract", "authors", "cff-version", "date-released", "identifiers"),
        *("keywords", "license", "message", "repository-code", "title", "type", "version"),
    }


def test_version_and_date_are_those_of_the_changelog_and_of_the_project() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([^\]]+)\] - (.+)$", changes, re.MULTILINE)[0] == (__version__, cite.DATE), "the newest comes first"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fields = dict(re.findall(r"^([a-z-]+): (.*)$", cite.citation(), re.MULTILINE))
    assert fields["repository-code"] == f'"{project["urls"]["Repository"]}"'
    assert fields["license"] == project["license"]
    assert project["authors"] == [{"name": cite.AUTHORS}]


def test_bibtex_says_the_same() -> None:
    entry = cite.bibtex()
    assert entry.startswith(f"@software{{tidegate-{__version__},\n")
    assert entry.endswith("\n}\n")
    assert entry.count("{") == entry.count("}")
    assert not set(entry) & set("%#&~^_$\\"), "TeX would read these"
    fields = dict(re.findall(r"^  (\w+) += \{*(.*?)\}*,$", entry, re.MULTILINE))
    year, month, _ = cite.DATE.split("-")
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    assert fields.pop("note").endswith(f": {cite.content_hash()}")
    assert fields == {
        "author": cite.AUTHORS,
        "title": cite.TITLE,
        "version": __version__,
        "year": year,
        "month": months[int(month) - 1],
        "url": cite.REPOSITORY,
        "license": cite.LICENSE,
    }


def test_hash_is_what_sha256sum_gives(tmp_path: Path) -> None:
    listed = ""
    for name in cite.TRUSTED:
        (tmp_path / name).write_text(name)
        listed += f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
    assert cite.content_hash(tmp_path) == hashlib.sha256(listed.encode()).hexdigest()
    assert cite.REPRODUCE in README
    before = cite.content_hash(tmp_path)
    (tmp_path / cite.TRUSTED[-1]).write_text("changed")
    assert cite.content_hash(tmp_path) != before


def test_what_imports_must_spare_is_what_is_hashed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (trusted,) = [each for each in settings["tool"]["importlinter"]["contracts"] if each["id"] == "trusted"]
    hashed = {f"tidegate_specs.{name.removesuffix('.py')}" for name in cite.TRUSTED}
    assert set(trusted["source_modules"]) <= hashed


def test_reading_order_names_what_is_there_and_takes_half_an_hour() -> None:
    rows = re.findall(r"^\| (\d) \| `([^`]+)` \| .* \| (\d+) \|$", README, re.MULTILINE)
    assert [int(step) for step, _, _ in rows] == list(range(1, 10))
    assert all((ROOT / "specs" / file).is_file() for _, file, _ in rows)
    assert sum(int(minutes) for *_, minutes in rows) <= 30


@pytest.mark.parametrize("name", ["machine", "clause"])
def test_example_runs(name: str) -> None:
    example = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    subprocess.run([sys.executable, "-W", "error", "-c", example[1]], check=True, timeout=60)


def test_commands_run() -> None:
    commands = re.search(r"<!-- example: commands -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert commands is not None
    for line in commands[1].splitlines():
        words = [sys.executable, "-m", "tidegate_gate", *line.split()[1:]]
        assert subprocess.run(words, check=True, capture_output=True, timeout=100).stdout


def test_page_in_a_browser(html: str, tmp_path: Path) -> None:
    """In a window as narrow as a phone the page does not scroll sideways, and the console stays empty."""
    browser = shutil.which("chromium")
    if browser is None:  # a browser is no Python package; markup, links and the absence of a network are tested above without one
        pytest.skip("Debian's chromium is not installed: how wide the page is and what its console says were not looked at")
    probe = "<script>document.title = document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'too wide'</script>"
    (tmp_path / "page.html").write_text(html.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    words = [browser, *options, "--window-size=360,800", "--dump-dom", (tmp_path / "page.html").as_uri()]
    run = subprocess.run(words, check=True, capture_output=True, text=True, timeout=100)
    assert "<title>fits</title>" in run.stdout
    assert ":CONSOLE" not in run.stderr
