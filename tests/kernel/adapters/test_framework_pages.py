"""The pages for frameworks: each example is complete, short, and works with the real package where that is installed."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "kernel" / "docs"
PAGES = {
    "admission": ("admission.md", ()),
    "fastapi": ("fastapi.md", ("fastapi", "httpx")),
    "django": ("django.md", ("django",)),
    "flask": ("flask.md", ("flask",)),
    "grpc": ("grpc.md", ("grpc",)),
    "celery": ("task-queues.md", ("celery",)),
    "dramatiq": ("task-queues.md", ("dramatiq",)),
}
MOST_LINES = 25  # that are not blank


def example(name: str) -> str:
    text = (DOCS / PAGES[name][0]).read_text("utf-8")
    (found,) = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("name", PAGES)
def test_an_example_is_short(name: str) -> None:
    lines = [line for line in example(name).splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


@pytest.mark.parametrize("name", PAGES)
def test_an_example_works(name: str, tmp_path: Path) -> None:
    for package in PAGES[name][1]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    program = tmp_path / "example.py"
    program.write_text(example(name), "utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
