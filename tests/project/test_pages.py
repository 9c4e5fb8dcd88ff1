"""The pages hang together: every page is in the index, every link leads somewhere, every picture is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "kernel" / "docs" / "README.md"
FOLDERS = ("kernel/docs", "specs/docs", "stress/docs")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def pages(root: Path = ROOT) -> list[Path]:
    """Give the README, the pages of the three folders, and the notes beside what is checked in."""
    return [
        root / "README.md",
        *(page for folder in FOLDERS for page in sorted((root / folder).glob("*.md"))),
        root / "specs/README.md",
    ]


def links(page: Path) -> list[str]:
    """Give the targets of a page's links and pictures, without code and without those that lead to the web."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [target for target in LINK.findall(text) if "://" not in target]


def broken(page: Path) -> list[str]:
    """Give the links of a page that lead nowhere."""
    return [target for target in links(page) if not (page.parent / target).exists()]


def headings(page: Path) -> set[str]:
    """Give the headings of a page as a link names them: small letters, hyphens for blanks, nothing else but letters and digits."""
    found = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def without_heading(page: Path) -> list[str]:
    """Give the links of a page that lead to a heading which is not there."""
    found: list[tuple[str, str]] = re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", page.read_text("utf-8"))
    return [f"{file}#{part}" for file, part in found if part not in headings(page.parent / file if file else page)]


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in pages()])
def test_every_link_leads_somewhere(page: str) -> None:
    assert broken(ROOT / page) == []
    assert without_heading(ROOT / page) == []


def test_the_glossary_is_short_and_has_what_the_pages_use() -> None:
    text = (ROOT / "specs/README.md").read_text("utf-8").partition("\n## Glossary\n")[2].partition("\n## ")[0]
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)[1:]
    assert len(set(terms)) == len(terms) <= 25
    assert {"slot", "token", "lease", "claim", "publish", "invariant", "refinement", "schedule", "witness", "mutant"} <= set(terms)


def test_the_index_names_every_page() -> None:
    named = {(INDEX.parent / target).resolve() for target in links(INDEX)}
    missing = [page for page in pages() if page.resolve() not in named and page != INDEX]
    assert missing == []


def test_the_readme_leads_to_the_index() -> None:
    assert INDEX in [(ROOT / target).resolve() for target in links(ROOT / "README.md")]


def test_planted_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[one](page.md) [two](nowhere.md#part) ![three](gone.svg) [four](https://example.org)\n```python\nx[1](y)\n```\n"
    )
    assert broken(page) == ["nowhere.md", "gone.svg"]


def test_planted_link_to_no_heading_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n\n## How large, then?\n\n[1](page.md#one) [2](#how-large-then) [3](page.md#two) [4](#three)\n")
    assert without_heading(page) == ["page.md#two", "#three"]
