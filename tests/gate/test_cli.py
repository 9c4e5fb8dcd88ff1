"""The command line around the gate: help, exit codes, and what it says when a part is missing."""

import contextlib
import os
import pty
import re
import resource
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence

import pytest

from tidegate import __version__
from tidegate_gate.cli import main
from tidegate_specs.document.cite import bibtex, citation
from tidegate_specs.extras import EXTRAS
from tidegate_specs.prove import EXPECTED
from tidegate_specs.registry import CLAUSES


def tidegate(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tidegate_gate", *words], capture_output=True, text=True, timeout=60, check=False)


def replace_command(monkeypatch: pytest.MonkeyPatch, module: str, error: BaseException | None) -> list[Sequence[str]]:
    """Put a command in the place of a real one; give the list of what it is called with."""
    calls: list[Sequence[str]] = []

    def fake_main(argv: Sequence[str]) -> int:
        calls.append(argv)
        if error is not None:
            raise error
        return 7

    fake = types.ModuleType(module)
    vars(fake)["main"] = fake_main
    monkeypatch.setitem(sys.modules, module, fake)
    return calls


def test_version() -> None:
    run = tidegate("--version")
    assert (run.returncode, run.stdout) == (0, f"tidegate {__version__}\n")


@pytest.mark.parametrize("words", [(), ("verify",), ("spec",), ("bench",)])
def test_help_has_examples_and_exit_codes(words: tuple[str, ...]) -> None:
    run = tidegate(*words, "--help")
    assert run.returncode == 0
    assert run.stderr == ""
    assert "examples:" in run.stdout
    assert "exit" in run.stdout


def test_without_a_command_the_ways_of_use_are_shown() -> None:
    run = tidegate()
    assert (run.returncode, run.stdout) == (2, "")
    commands = re.findall(r"^  (?:\w+ it)? +tidegate (\w+)(.*?)   ", run.stderr, re.MULTILINE)
    assert [name for name, _ in commands] == ["vendor", "verify", "verify", "verify", "spec"]
    for name, options in commands:
        help_text = tidegate(name, "--help").stdout
        assert all(option in help_text for option in options.split() if option.startswith("-"))


def test_the_help_has_each_command_once_in_groups() -> None:
    text = tidegate("--help").stdout
    assert [line for line in text.splitlines() if line.endswith(" it:")] == ["use it:", "judge it:", "study it:"]
    for name in (
        "vendor",
        "verify",
        "explore",
        "replay",
        "prove",
        "walk",
        "mutants",
        "peers",
        "spec",
        "bench",
        "stress",
        "freshness",
        "simulate",
        "web",
    ):
        assert len(re.findall(rf"^  {name} +\w", text, re.MULTILINE)) == 1
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("words", [("verfiy",), ("--no-such-option",)])
def test_bad_usage(words: tuple[str, ...]) -> None:
    run = tidegate(*words)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "usage: tidegate" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("module", ["crosshair", "hypothesis", "pytest", "rich", "z3"])
@pytest.mark.parametrize("command", ["verify", "peers"])
def test_a_missing_part_of_the_gate_is_one_clear_line(
    command: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert main([command]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"tidegate {command} needs the gate extra: pip install 'tidegate[gate]' (there is no {module})\n" in said.err
    assert said.err.count("\n") == 1


def test_a_missing_part_of_the_laboratory_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_command(monkeypatch, "tidegate_stress.bench", ModuleNotFoundError("No module named 'janus'", name="janus"))
    assert main(["bench"]) == 2
    assert capsys.readouterr().err == "tidegate bench needs the lab extra: pip install 'tidegate[lab]' (there is no janus)\n"


@pytest.mark.parametrize("module", ["dask", "distributed"])
def test_a_missing_engine_for_explorations_is_one_clear_line(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["explore", "offers-2-take-1", "--scheduler"]) == 2
    said = capsys.readouterr()
    advice = f"tidegate explore needs the cluster extra: pip install 'tidegate[cluster]' (there is no {module})\n"
    assert (said.out, said.err) == ("", advice)


def test_an_import_error_of_our_own_is_not_called_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_command(monkeypatch, "tidegate_stress.bench", ModuleNotFoundError("No module named 'misspelt'", name="misspelt"))
    with pytest.raises(ModuleNotFoundError):
        main(["bench"])


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("verify", "tidegate_gate.verify"),
        ("spec", "tidegate_gate.spec"),
        ("bench", "tidegate_stress.bench"),
        ("stress", "tidegate_stress.lab.command"),
        ("mutants", "tidegate_specs.mutation"),
    ],
)
def test_a_command_hands_its_words_on(command: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replace_command(monkeypatch, module, None)
    assert main([command, "--help", "x"]) == 7
    assert calls == [["--help", "x"]]


@pytest.mark.parametrize(
    ("error", "status"), [(SystemExit(4), 4), (SystemExit("words"), 1), (SystemExit(None), 0), (KeyboardInterrupt(), 3)]
)
def test_the_ways_a_command_can_end(error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_command(monkeypatch, "tidegate_stress.bench", error)
    assert main(["bench"]) == status


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    program = "import sys, tidegate_gate.cli; print(sorted({'crosshair', 'hypothesis', 'z3', 'pytest', 'rich'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "[]\n"


def test_spec_prints_every_clause() -> None:
    run = tidegate("spec")
    assert "Traceback" not in run.stderr
    for clause in CLAUSES:
        assert f"\n{clause.id}\n" in run.stdout
    assert run.stdout.count("  predicate    ") == sum(len(clause.predicates) for clause in CLAUSES)


def test_spec_cites() -> None:
    assert tidegate("spec", "--cite").stdout == citation()
    assert tidegate("spec", "--cite", "--bibtex").stdout == bibtex()


@pytest.mark.parametrize("words", [(), ("--brief",), ("--tla",)])
def test_bibtex_is_a_form_of_citing(words: tuple[str, ...]) -> None:
    run = tidegate("spec", *words, "--bibtex")
    assert (run.returncode, run.stdout) == (2, "")
    assert "tidegate spec --cite --bibtex" in run.stderr


# What only an extra brings, hidden; the first word of the command line must be met without it. The kernel's own adapters, which
# `spec` does not run, look for some of it.
HIDDEN = sorted({name for names in EXTRAS.values() for name in names} | {"anyio", "gevent", "numpy", "prometheus_client", "trio"})
WITHOUT = f"""
import sys
sys.modules.update(dict.fromkeys({HIDDEN!r}))
from tidegate_gate.cli import main
code = main(sys.argv[1:])
assert not [name for name in {HIDDEN!r} if sys.modules[name] is not None]
assert not [name for name in sys.modules if name.startswith(("_pytest", "_hypothesis"))]
sys.exit(code)
"""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--brief",),
        ("--markdown",),
        ("--markdown", "--adapters"),
        ("--clause", "bound-1"),
        ("--html", "-"),
        ("--tla",),
        ("--cite",),
        ("--cite", "--bibtex"),
    ],
)
def test_spec_needs_no_extra_and_is_quick(words: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    bare = subprocess.run([sys.executable, "-c", WITHOUT, "spec", *words], capture_output=True, text=True, timeout=60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (bare.returncode, bare.stderr) == (0, "")
    assert bare.stdout == tidegate("spec", *words).stdout
    assert after.ru_utime - before.ru_utime < 2  # of its own time, which another process can't lengthen


def test_a_command_that_needs_what_is_hidden_says_so() -> None:
    bare = subprocess.run([sys.executable, "-c", WITHOUT, "prove"], capture_output=True, text=True, timeout=60, check=False)
    assert (bare.returncode, bare.stdout) == (2, "")
    assert "tidegate prove needs the gate extra" in bare.stderr


def test_spec_begins_with_a_summary() -> None:
    head = tidegate("spec").stdout.partition("The nine links of the collapse\n")[0]
    assert f"{len(CLAUSES)} clauses. They rest on " in head
    assert f"{sum(EXPECTED.values()):,} proof obligations" in head
    for clause in CLAUSES:
        assert len(re.findall(rf"^{clause.id} +\S", head, re.MULTILINE)) == 1


def on_a_terminal(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command whose standard streams are a terminal of 24 lines; give what is shown there."""
    descriptor, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate_gate", *words],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "LINES": "24", "COLUMNS": "80", **environment},
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says so when the other side is closed
        while data := os.read(descriptor, 65536):
            shown += data
    os.close(descriptor)
    assert process.wait(60) == 0
    return shown.decode()


def test_spec_goes_through_the_pager_on_a_terminal_only() -> None:
    pager = {"PAGER": "sed s/^/paged:/"}
    assert "paged:" in on_a_terminal(("spec",), pager)
    assert "paged:" not in on_a_terminal(("spec", "--cite"), pager | {"LINES": "1000"})
    run = subprocess.run(
        [sys.executable, "-m", "tidegate_gate", "spec"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, **pager},
    )
    assert "paged:" not in run.stdout


def test_spec_of_one_clause() -> None:
    run = tidegate("spec", "--clause", "bound-1")
    assert "machine.bound_1" in run.stdout
    assert "BOUND-2" not in run.stdout.split("UNKNOWN", maxsplit=1)[0]
    assert tidegate("spec", "--clause", "BOUND-9").returncode == 2
