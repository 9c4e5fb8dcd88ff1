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


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in pages()])
def test_every_link_leads_somewhere(page: str) -> None:
    assert broken(ROOT / page) == []


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
