"""`tidegate verify --vendored`: each way of tampering with a copy is found, at the level that is there for it."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import tidegate
from tidegate_gate import vendored
from tidegate_gate.cli import main
from tidegate_gate.manifest import MANIFEST, Installed, Manifest, read_manifest
from tidegate_specs import foreign
from tidegate_specs.check import Verdict
from tidegate_specs.mutation.patching import describe, patched_sources

KERNEL = Path(tidegate.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Vendor the kernel into somebody's package."""
    package = tmp_path / "src" / "toy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('raise RuntimeError("the package around a copy is not run")\n')
    assert main(["vendor", str(package / "_gate"), "--with", "edges"]) == 0
    return package / "_gate"


def verify(copy: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, str], str]:
    """Judge a copy; give the exit code, the line of each level, and all that was printed."""
    capsys.readouterr()
    status = main(["verify", "--vendored", str(copy), *(options or ("--files-only",))])
    said = capsys.readouterr()
    lines = re.findall(r"^(OK|ILLEGAL|UNKNOWN|not run) +(files|origin|import|conformance) +(.*)$", said.out, re.MULTILINE)
    return status, {level: f"{verdict} {evidence}" for verdict, level, evidence in lines}, said.out + said.err


def forge(copy: Path) -> None:
    """Have the manifest agree with whatever is there."""
    former = read_manifest(copy)
    files = [file for file in copy.rglob("*") if file.is_file() and file.name != MANIFEST]
    hashes = {file.relative_to(copy).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files}
    forged = Manifest(former.version, former.adapters, dict(sorted(hashes.items())))
    (copy / MANIFEST).write_text(forged.as_json(), encoding="utf-8")


def install(copy: Path, monkeypatch: pytest.MonkeyPatch, version: str = tidegate.__version__) -> None:
    """Have the copy's own files be what is installed, as another version or as this one."""
    folder = copy.parents[2] / "installed" / "tidegate"
    shutil.copytree(copy, folder)
    other = Installed(folder, version)
    monkeypatch.setattr(Installed, "find", lambda: other)


# Files.


def test_a_copy_as_it_was_made_is_ok(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "_slots.cpython-311.pyc").write_bytes(b"")
    status, levels, output = verify(copy, capsys)
    assert status == 0
    assert levels["files"] == "OK 10 files as VENDORED.json says, and no other"
    assert levels["origin"].startswith(f"OK tidegate {tidegate.__version__} as installed, digest ")
    assert levels["origin"].endswith(", with edges")
    assert set(levels) == {"files", "origin"}
    assert output.splitlines()[-1] == f"tidegate: OK (files, origin of {copy})"


def edit(copy: Path) -> None:
    text = (copy / "_slots.py").read_text("utf-8")
    (copy / "_slots.py").write_text(text.replace("import weakref\n", "import weakref  # \x1b[31mmine\n", 1), encoding="utf-8")


def crlf(copy: Path) -> None:
    for file in copy.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def link_file(copy: Path) -> None:
    (copy / "_types.py").rename(copy.parent / "elsewhere.py")
    (copy / "_types.py").symlink_to(copy.parent / "elsewhere.py")


def link_folder(copy: Path) -> None:
    (copy / "adapters").rename(copy.parent / "elsewhere")
    (copy / "adapters").symlink_to(copy.parent / "elsewhere")


TAMPERINGS: list[tuple[Callable[[Path], object], list[str]]] = [
    (edit, ["1 MODIFIED", "MODIFIED _slots.py", "-import weakref", r"+import weakref  # \x1b[31mmine"]),
    (lambda copy: (copy / "_slots.py").unlink(), ["1 MISSING", "MISSING _slots.py"]),
    (lambda copy: (copy / "LICENSE").unlink(), ["MISSING LICENSE"]),
    (lambda copy: (copy / "more.py").write_text(""), ["1 EXTRA", "EXTRA more.py"]),
    (lambda copy: (copy / "_slots.so").write_text(""), ["EXTRA _slots.so"]),
    (lambda copy: (copy / "_slots.pyc").write_text(""), ["EXTRA _slots.pyc"]),
    (lambda copy: (copy / "adapters" / "log.py").write_text(""), ["EXTRA adapters/log.py"]),
    (lambda copy: (copy / "more").symlink_to(copy), ["EXTRA more (no regular file)"]),
    (lambda copy: os.mkfifo(copy / "more"), ["EXTRA more (no regular file)"]),
    (crlf, ["MODIFIED _slots.py (only its line endings", "git's core.autocrlf does that", "'_gate/** -text' in "]),
    (link_file, ["MODIFIED _types.py (is a symbolic link)"]),
    (link_folder, ["EXTRA adapters (no regular file)", "MISSING adapters/edges.py"]),
    (lambda copy: (copy / MANIFEST).unlink(), ["MISSING VENDORED.json"]),
    (lambda copy: (copy / MANIFEST).write_bytes(b"\xff{"), ["MODIFIED VENDORED.json: it is not UTF-8"]),
    (lambda copy: (copy / MANIFEST).write_text("{"), ["MODIFIED VENDORED.json: it can't be read"]),
    (lambda copy: (copy / MANIFEST).write_text("{}"), ["MODIFIED VENDORED.json: it can't be read"]),
]


@pytest.mark.parametrize(("tamper", "said"), TAMPERINGS)
def test_tampering_is_found_in_the_files(
    tamper: Callable[[Path], object], said: list[str], copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(copy)
    status, levels, output = verify(copy, capsys)
    assert status == 1
    assert levels["files"].startswith("ILLEGAL ")
    assert levels["origin"] == "not run files is not OK"
    for text in said:
        assert text in output
    assert "\x1b" not in output
    full_status, full_levels, _ = verify(copy, capsys, "--check", "scenarios.01")
    assert (full_status, full_levels["import"], full_levels["conformance"]) == (1, *["not run files is not OK"] * 2)


def test_a_long_diff_is_cut_and_one_against_another_version_is_none(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = (copy / "_intake.py").read_text("utf-8")
    (copy / "_intake.py").write_text(original.replace("self", "this"), encoding="utf-8")
    output = verify(copy, capsys)[2]
    assert re.search(r"\(and \d+ lines more\)", output)
    assert len(output.splitlines()) < 60
    install(copy, monkeypatch, "9.0.0")
    assert "(no diff: the installed tidegate has another _intake.py)" in verify(copy, capsys)[2]


def test_what_a_formatter_did_is_told_as_such(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With other quotes and shorter lines. It is ILLEGAL all the same: the files are not those of the manifest."""
    pytest.importorskip("ruff")
    settings = ["--config", "format.quote-style='single'", "--config", "line-length=79", "--isolated"]
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *settings, str(copy)], check=True, timeout=60)
    status, levels, output = verify(copy, capsys)
    assert status == 1
    assert re.match(r"ILLEGAL not as VENDORED.json says: \d MODIFIED, by a formatter alone: ", levels["files"])
    told = "  MODIFIED _intake.py (a formatter did this: it parses to the same, with the same comments)\n"
    assert told in output
    assert "@@" not in output
    (copy / "_slots.py").write_text((copy / "_slots.py").read_text("utf-8") + "del weakref\n", encoding="utf-8")
    status, levels, output = verify(copy, capsys)
    assert status == 1
    assert "by a formatter alone" not in levels["files"]
    assert told in output
    assert "    MODIFIED _slots.py\n" in output
    assert "--- installed/_slots.py" in output


@pytest.mark.parametrize(
    ("after", "same"),
    [
        ('"""Doc.\n\nMore.\n"""\n\ndef f(a, b = "x"):\n\treturn (a , [b])  # why\n', True),
        ('"""Doc.\n\nMore."""\ndef f(a, b=u\'x\'):\n    return a, [b]  #why\n', True),
        ("def f(a, b='x'):\n    'Doc.'\n    return a, [b]  # why\n", False),  # the docstring of another
        ('"""Doc.\n\nMore."""\ndef f(a, b="x"):\n    return a, [b]\n', False),  # a comment less
        ('"""Doc.\n\nMore."""\ndef f(a, b="x"):\n    return a, [b]  # why not\n', False),
        ('"""Doc.\n\nOther."""\ndef f(a, b="x"):\n    return a, [b]  # why\n', False),
        ('"""Doc.\n\nMore."""\ndef f(a, b="x "):\n    return a, [b]  # why\n', False),
        ('"""Doc.\n\nMore."""\ndef f(a, b="x"):\n    return b, [a]  # why\n', False),
        ('"""Doc.\n\nMore."""\ndef f(a, b="x"):\n    return a, [b  # why\n', False),
        ("\0", False),
    ],
)
def test_only_layout_is_a_formatters(after: str, same: bool) -> None:
    before = '"""Doc.\n\n    More.\n"""\n\n\ndef f(a, b="x"):\n    return a, [b]  # why\n'
    assert vendored.only_formatted(before.encode(), after.encode()) is same
    assert vendored.only_formatted(after.encode(), before.encode()) is same


def test_a_manifest_of_a_later_format_is_unknown(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / MANIFEST).write_text((copy / MANIFEST).read_text("utf-8").replace('"format": 1', '"format": 2'), encoding="utf-8")
    status, levels, _ = verify(copy, capsys)
    assert status == 3
    assert levels["files"].startswith("UNKNOWN VENDORED.json: its format is 2")


@pytest.mark.parametrize("refused", ["_slots.py", MANIFEST])
def test_a_file_that_may_not_be_read_is_unknown(
    refused: str, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path == copy / refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    status, levels, _ = verify(copy, capsys)
    assert status == 3
    assert levels["files"] == f"UNKNOWN cannot read {copy / refused}: Permission denied"


# Origin.


def test_an_edited_file_with_an_edited_manifest_is_found_by_its_origin(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(copy)
    (copy / "more.py").write_text("")
    (copy / "LICENSE").unlink()
    forge(copy)
    status, levels, output = verify(copy, capsys, "--check", "scenarios.01")
    assert status == 1
    assert levels["files"].startswith("OK ")
    assert levels["origin"].startswith(f"ILLEGAL VENDORED.json is not that of tidegate {tidegate.__version__}: ")
    assert "    MISSING LICENSE\n    MODIFIED _slots.py\n    EXTRA more.py\n" in output
    assert levels["import"] == levels["conformance"] == "not run origin is not OK"


def test_a_copy_of_another_version_is_unknown_and_what_it_does_is_judged(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(copy, monkeypatch, "9.0.0")
    status, levels, _ = verify(copy, capsys)
    assert status == 3
    wanted = f"UNKNOWN the copy is of {tidegate.__version__}, installed is 9.0.0: install that version to judge it"
    assert levels["origin"] == wanted
    status, levels, output = verify(copy, capsys, "--check", "scenarios.04", "--clause", "BOUND-2")
    assert (status, levels["conformance"], levels["origin"]) == (3, "OK 1 clause", wanted)
    assert "tidegate: UNKNOWN (1 clause, 1 check, " in output


def test_where_the_copy_is_what_is_installed_there_is_nothing_to_compare_with(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    itself = Installed(copy, tidegate.__version__)
    monkeypatch.setattr(Installed, "find", lambda: itself)
    status, levels, _ = verify(copy, capsys)
    assert status == 3
    assert levels["origin"].startswith("UNKNOWN nothing to compare with: tidegate is found in ")


@pytest.mark.parametrize("as_made", [True, False])
def test_the_first_two_levels_need_the_standard_library_alone_and_import_nothing_of_the_copy(
    as_made: bool, copy: Path, tmp_path: Path
) -> None:
    """Our packages alone, without site-packages: no extra is there. A copy that is imported ends the process."""
    if not as_made:
        (copy / "__init__.py").write_text("import os\nos._exit(66)\n")
    for package in (KERNEL, *(Path(module.__file__ or "").parent for module in (foreign, vendored))):
        shutil.copytree(package, tmp_path / "alone" / package.name)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "alone")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-m", "tidegate_gate", *words]
        return subprocess.run(
            command, env=environment, cwd=copy.parents[1], capture_output=True, text=True, timeout=60, check=False
        )

    judged = run("verify", "--files-only", "--vendored", str(copy))
    assert (judged.returncode, judged.stderr) == (0 if as_made else 1, "")
    assert as_made != ("MODIFIED __init__.py" in judged.stdout)
    assert as_made != ("--- installed/__init__.py" in judged.stdout)
    # What does need an extra is refused here: so none is there.
    whole = run("verify", "--vendored", str(copy))
    assert whole.returncode == 2
    assert all(name in whole.stderr for name in ("hypothesis", "pytest", "rich", "z3")), whole.stderr
    assert run("vendor", str(copy.parent / "other")).returncode == 0


# Import.


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from tidegate import Intake as Other", "imports itself by an absolute name: _types.py line 1: tidegate.Intake"),
        ("import tidegate._slots", "_types.py line 1: tidegate._slots"),
        ("def f() -> None:\n    import tidegate", "_types.py line 2: tidegate"),
        ("from toy._gate import _slots", "_types.py line 1: toy._gate._slots"),
        ("from toy import _gate", "_types.py line 1: toy._gate"),
        ("import importlib\nimportlib.import_module('tidegate')", "_types.py line 2: tidegate"),
        ("try:\n    __import__('tide' + 'gate')\nexcept ImportError:\n    pass", "asks for tidegate when it is imported"),
        ("raise RuntimeError('mine')", "toy._gate can't be imported: RuntimeError: mine"),
        ("import sys\nsys.exit(0)", "toy._gate can't be imported: no word"),
        ("1 +", "toy._gate can't be imported: SyntaxError: invalid syntax"),
        ("import absent", "toy._gate can't be imported: ModuleNotFoundError: No module named 'absent'"),
    ],
)
def test_what_keeps_a_copy_from_being_imported_is_found(
    line: str, said: str, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With files and manifest consistent, and the distribution doctored to match."""
    (copy / "_types.py").write_text(f"{line}\n{(copy / '_types.py').read_text('utf-8')}", encoding="utf-8")
    forge(copy)
    install(copy, monkeypatch)
    status, levels, _ = verify(copy, capsys, "--check", "scenarios.01")
    assert status == 1
    assert levels["origin"].startswith("OK ")
    assert levels["import"].startswith("ILLEGAL ")
    assert said in levels["import"]
    assert levels["conformance"] == "not run import is not OK"


def test_a_copy_in_a_namespace_package_goes_by_its_right_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme-tools"\n')
    copy = tmp_path / "src" / "acme" / "tools" / "_gate"
    assert main(["vendor", str(copy)]) == 0
    assert "import it as acme.tools._gate; " in capsys.readouterr().out
    _, levels, _ = verify(copy, capsys, "--check", "scenarios.01")
    assert levels["import"].startswith("OK acme.tools._gate: 6 modules without tidegate")
    assert levels["conformance"].startswith("OK ")
    # The planted fault: the copy imports itself by that name.
    (copy / "_types.py").write_text(f"import acme.tools._gate\n{(copy / '_types.py').read_text('utf-8')}", encoding="utf-8")
    level = vendored.judge_import(copy)
    assert (level.verdict, "line 1: acme.tools._gate" in level.evidence) == (Verdict.ILLEGAL, True)


def test_an_import_that_does_not_end_is_unknown(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "_types.py").write_text("while True:\n    pass\n")
    monkeypatch.setattr(vendored, "IMPORT_LIMIT_S", 0.5)
    level = vendored.judge_import(copy)
    assert (level.verdict, level.evidence) == (Verdict.UNKNOWN, "no end within 0.5 s")


def test_the_kernel_and_its_adapters_have_no_absolute_import_of_themselves() -> None:
    for file in KERNEL.rglob("*.py"):
        assert vendored.absolute_self_imports(file.read_bytes(), "toy._gate") == []


def test_bytecode_left_in_a_cache_is_not_what_is_imported(copy: Path) -> None:
    source = copy / "_types.py"
    text = source.read_text("utf-8")
    source.write_text("raise SystemExit(1)\n")
    subprocess.run([sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(copy)], check=True)
    source.write_text(text)
    assert vendored.judge_import(copy).verdict is Verdict.OK


# Conformance.


@pytest.mark.parametrize("mutant", ["uncounted_rejection", "lifo"])
def test_a_copy_that_behaves_otherwise_is_found_though_all_else_is_consistent(
    mutant: str, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = describe(mutant)
    sources = patched_sources(planted.patches, copy, mutant)
    for name, source in sources.items():
        (copy / name).write_text(source, encoding="utf-8")
    forge(copy)
    install(copy, monkeypatch)
    killer = next(name for name in planted.killed_by if name.startswith(("scenarios.", "stateful.enumeration")))
    status, levels, output = verify(copy, capsys, "--check", killer, "--clause", planted.breaks[0])
    assert status == 1
    assert [levels[name].partition(" ")[0] for name in ("files", "origin", "import")] == ["OK"] * 3
    assert levels["conformance"] == "ILLEGAL 1 clause of which 1 ILLEGAL"
    assert f"replay: tidegate verify --check {killer} --seed 0 --profile quick --subject {copy}\n" in output


def test_a_run_on_a_copy_judges_that_copy_in_every_kind_of_check(copy: Path, tmp_path: Path) -> None:
    """The whole run on a copy takes a minute; this is one cheap check of each group that reads the subject."""
    checks = "scenarios.01 explore.claimed-not-published audit.* correspondence.* adapters.edges_* walk.replay".split()
    options = [word for check in checks for word in ("--check", check)]
    command = [sys.executable, "-m", "tidegate_gate", "verify", "--vendored", "toy/_gate", *options]
    command += ["--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml")]
    run = subprocess.run(command, cwd=copy.parents[1], capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert [(level["level"], level["verdict"]) for level in report["vendored"]] == [
        (name, "OK") for name in ("files", "origin", "import", "conformance")
    ]
    groups = {check["name"].partition(".")[0] for clause in report["clauses"] for check in clause["checks"]}
    assert groups == {check.partition(".")[0] for check in checks}
    root = ET.fromstring((tmp_path / "r.xml").read_text("utf-8"))
    assert [case.attrib["name"] for case in root[0]] == ["files", "origin", "import"]
    assert (root[0].attrib["name"], root.attrib["failures"], root.attrib["errors"]) == ("toy/_gate.vendored", "0", "0")


def test_clauses_of_adapters_that_the_copy_lacks_are_not_applicable(copy: Path) -> None:
    command = [sys.executable, "-m", "tidegate_gate", "verify", "--subject", str(copy), "--list"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    listed = [line.split()[0] for line in run.stdout.splitlines() if line.startswith("adapters.")]
    assert listed
    assert all(name.startswith("adapters.edges_") for name in listed)
    (absent,) = [line for line in run.stdout.splitlines() if line.startswith("not applicable, as ")]
    assert " EXECUTOR-1, " in absent
    assert "EDGE-1" not in absent


# Bad usage, reports, and where a copy may be.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--files-only"], "--files-only is for --vendored DIR"),
        (
            ["--vendored", "COPY", "--files-only", "--profile", "full"],
            "--files-only reads files and runs nothing: --profile cannot",
        ),
        (["--vendored", "COPY", "--files-only", "--check", "x", "--seed", "3"], "--check, --seed cannot go with it"),
        (["--vendored", "COPY", "--subject", "x"], "--vendored judges one copy as a whole: --subject cannot go with it"),
        (["--vendored", "COPY", "--shard", "1/2"], "--shard cannot go with it"),
        (["--vendored", "COPY", "--list"], "--list cannot go with it"),
        (["--merge", "x.json", "--vendored", "COPY"], "--merge runs nothing: --vendored cannot go with it"),
        (["--files-only", "--vendored", "absent"], "absent is not a folder"),
        (["--files-only", "--vendored", "COPY/_slots.py"], "is not a folder (a zip has to be unpacked first)"),
        (["--files-only", "--vendored", "LINK"], "is a symbolic link: name the folder itself"),
        (["--files-only", "--vendored", "NAMESAKE"], "is imported as tidegate: that is the original's name"),
        (["--files-only", "--vendored", "HYPHEN"], "can't be imported: my-gate is not a name in Python"),
    ],
)
def test_bad_usage(options: list[str], said: str, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "link").symlink_to(copy)
    shutil.copytree(copy, tmp_path / "tidegate")
    shutil.copytree(copy, tmp_path / "my-gate")
    for word, path in {
        "COPY": copy,
        "LINK": tmp_path / "link",
        "NAMESAKE": tmp_path / "tidegate",
        "HYPHEN": tmp_path / "my-gate",
    }.items():
        options = [option.replace(word, str(path)) for option in options]
    capsys.readouterr()
    assert main(["verify", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_reports_of_the_files_alone(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "_slots.py").unlink()
    xml = tmp_path / "r.xml"
    status, _, output = verify(copy, capsys, "--files-only", "--json", "-", "--junit", str(xml))
    assert status == 1
    report = json.loads(output[: output.rindex("}\n") + 2])
    assert (report["verdict"], report["clauses"]) == ("ILLEGAL", [])
    assert [level["verdict"] for level in report["vendored"]] == ["ILLEGAL", "not run"]
    root = ET.fromstring(xml.read_text("utf-8"))
    assert (root.attrib["failures"], root.attrib["skipped"]) == ("1", "1")


def test_an_annotation_for_a_level_that_is_not_ok(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (copy / "_slots.py").unlink()
    output = verify(copy, capsys)[2]
    assert "\n::error title=vendored files%3A ILLEGAL::not as VENDORED.json says: 1 MISSING\n" in output


def test_a_folder_is_imported_under_its_own_name_and_nothing_around_it_is_run(copy: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tidegate_specs.check import load_subject
        from tidegate_specs.foreign import subject_option
        path = list(sys.path)
        gate = load_subject(sys.argv[1])
        assert gate.__name__ == gate.Intake.__module__.rpartition(".")[0] == "toy._gate"
        assert Path(gate.__file__).samefile(f"{sys.argv[1]}/__init__.py")
        assert load_subject(sys.argv[1]) is gate and sys.path == path
        assert subject_option(gate) == f" --subject {sys.argv[1]}" and sys.modules["toy"].__file__ is None
        try:
            load_subject(sys.argv[2] + "/other/toy/_gate")
        except ImportError as error:
            assert "and another toy._gate has been" in str(error)
        else:
            raise AssertionError
    """)
    shutil.copytree(copy.parent, copy.parents[2] / "other" / "toy")
    command = [sys.executable, "-c", program, str(copy.resolve()), str(copy.parents[2].resolve())]
    subprocess.run(command, check=True, timeout=60)
