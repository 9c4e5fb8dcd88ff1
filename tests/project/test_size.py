"""The kernel can be read in one sitting: few lines, short functions, its licence named in every file."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "kernel" / "tidegate"
SPDX = "# SPDX-License-Identifier: MIT"
KERNEL_LINES = 400  # of code: no blank lines, no comments, no docstrings
FUNCTION_LINES = 45

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(source: str) -> set[int]:
    """Number the lines that hold code."""
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = {line for token in tokens if token.type not in LAYOUT for line in range(token.start[0], token.end[0] + 1)}
    return code - docstrings


def function_lines(source: str) -> dict[str, int]:
    """Count the lines of code of every function, nested ones included."""
    code = code_lines(source)
    return {
        f"{node.name}, line {node.lineno}": len(code & set(range(node.lineno, (node.end_lineno or 0) + 1)))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def long_functions(source: str) -> list[str]:
    """Name the functions that are too long to see whole."""
    return [name for name, lines in function_lines(source).items() if lines > FUNCTION_LINES]


def names_licence(source: str) -> bool:
    """Tell whether the first line names the licence."""
    return source.startswith(SPDX + "\n")


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


FILES = sorted(KERNEL.glob("*.py"))
ADAPTERS = sorted((KERNEL / "adapters").glob("*.py"))
ADAPTER_LINES = 250  # of code, each
POLICIES = sorted((KERNEL / "policies").glob("*.py"))
each_file = pytest.mark.parametrize("file", [*FILES, *ADAPTERS, *POLICIES], ids=lambda file: file.name)


def test_kernel_is_small() -> None:
    lines = {file.name: len(code_lines(read(file))) for file in FILES}
    assert 0 < sum(lines.values()) < KERNEL_LINES, lines


@pytest.mark.parametrize("file", [*ADAPTERS, *POLICIES], ids=lambda file: file.name)
def test_an_adapter_is_small(file: Path) -> None:
    assert len(code_lines(read(file))) < ADAPTER_LINES


@each_file
def test_functions_are_short(file: Path) -> None:
    assert long_functions(read(file)) == []


@each_file
def test_licence_is_named(file: Path) -> None:
    assert names_licence(read(file))


def test_licence_is_in_the_kernel_folder() -> None:
    """A vendored copy of the folder carries it."""
    assert read(KERNEL / "LICENSE") == read(ROOT / "LICENSE")
    assert read(ROOT / "LICENSE").startswith("MIT License\n\nCopyright (c) 2026 tidegate contributors\n")


def test_counting_knows_code_from_the_rest() -> None:
    source = '''"""Module.

docstring
"""
# comment

import os  # 1

TEXT = """2
3"""


def f(  # 4
    x,  # 5
):  # 6
    """Docstring."""
    # comment
    return (  # 7

        x  # 8
    )  # 9
'''
    assert len(code_lines(source)) == 9
    assert list(function_lines(source).values()) == [6]


def test_planted_long_function_is_found() -> None:
    just_right = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)
    assert long_functions(just_right) == []
    assert long_functions(just_right + "    x = 2\n") == ["f, line 1"]
    padded = just_right + "    # comment\n\n" * 20
    assert long_functions(padded) == []


def test_planted_big_file_is_counted_in_full() -> None:
    assert len(code_lines("x = 1\n\n# comment\n" * KERNEL_LINES)) == KERNEL_LINES


@pytest.mark.parametrize("planted", ["", "x = 1\n", f"\n{SPDX}\n", "# SPDX-License-Identifier: GPL-3.0-only\n"])
def test_planted_lack_of_licence_is_found(planted: str) -> None:
    assert not names_licence(planted)
