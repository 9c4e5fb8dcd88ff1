"""`tidegate vendor`: what a copy consists of, where it may go, how it is renewed, and that it works there."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

import tidegate
from tidegate import adapters
from tidegate_gate import manifest
from tidegate_gate.cli import main
from tidegate_gate.manifest import ADAPTERS, MANIFEST, POLICIES, Installed, Manifest, ManifestError

KERNEL = Path(tidegate.__file__).parent
CORE = ("LICENSE", "__init__.py", "_atomic.py", "_forks.py", "_intake.py", "_slots.py", "_types.py", "py.typed")
# What somebody does with a copy of the core; the name of the copy comes first.
USE = """
import importlib, sys
sys.path[:0] = sys.argv[2:]
gate = importlib.import_module(sys.argv[1])
intake = gate.Intake(1)
answers = [intake.offer("a"), intake.offer("b")]
lease = intake.take(0)
intake.close()
print([answer.name for answer in answers], lease.release(), lease.release(), intake.offer("c").name, intake.drain(0))
print(sorted(name for name in sys.modules if name.partition(".")[0] == "tidegate"))
"""
USED = "['ACCEPTED', 'FULL'] True False CLOSED 0\n[]\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Make somebody's package, in a folder of sources."""
    folder = tmp_path / "src" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""A toy."""\n')
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def use(name: str, path: Sequence[Path], *options: str) -> str:
    """Use a copy in another interpreter; give what it prints."""
    command = [sys.executable, *options, "-c", USE, name, *map(str, path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"]})
    assert run.stderr == ""
    return run.stdout


def older(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str = "0.0.9") -> Installed:
    """Have another version installed: the kernel with another number."""
    folder = tmp_path / "installed" / "tidegate"
    shutil.copytree(KERNEL, folder, ignore=shutil.ignore_patterns("__pycache__"))
    init = folder / "__init__.py"
    init.write_text(init.read_text("utf-8").replace(f'"{tidegate.__version__}"', f'"{version}"'), encoding="utf-8")
    other = Installed(folder, version)
    monkeypatch.setattr(Installed, "find", lambda: other)
    return other


# What is copied.


def test_the_core_is_copied_byte_for_byte_with_its_licence(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vendor", str(package / "_gate")]) == 0
    copied = files_of(package / "_gate")
    assert tuple(copied) == (*sorted((*CORE, MANIFEST)),)
    assert all(copied[name] == (KERNEL / name).read_bytes() for name in CORE)
    assert f"tidegate {tidegate.__version__}, 8 files and VENDORED.json\nimport it as toy._gate;" in capsys.readouterr().out
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "_gate"]


def test_the_manifest_says_what_is_there_and_no_time(package: Path) -> None:
    main(["vendor", str(package / "_gate")])
    text = (package / "_gate" / MANIFEST).read_text("utf-8")
    told = json.loads(text)
    assert list(told) == ["format", "name", "version", "adapters", "files", "digest"]
    assert (told["format"], told["name"], told["version"], told["adapters"]) == (1, "tidegate", tidegate.__version__, [])
    assert list(told["files"]) == list(CORE)
    assert all(hash_ == sha256((KERNEL / name).read_bytes()).hexdigest() for name, hash_ in told["files"].items())
    main(["vendor", str(package / "other")])
    assert (package / "other" / MANIFEST).read_text("utf-8") == text


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_the_digest_is_what_sha256sum_gives(package: Path) -> None:
    main(["vendor", str(package / "_gate"), "--with", "edges"])
    told = json.loads((package / "_gate" / MANIFEST).read_text("utf-8"))
    files = " ".join(told["files"])
    run = subprocess.run(
        f"sha256sum {files} | sha256sum", shell=True, cwd=package / "_gate", capture_output=True, text=True, check=True
    )
    assert run.stdout.split()[0] == told["digest"]


@pytest.mark.parametrize("adapter", sorted({*ADAPTERS} - {POLICIES}))
def test_an_adapter_comes_with_what_it_imports(adapter: str, package: Path) -> None:
    """The table is what the relative imports of the modules add up to, no more and no less."""
    main(["vendor", str(package / "_gate"), "--with", adapter])
    wanted, todo = {"__init__"}, [adapter]
    while todo:
        wanted.add(module := todo.pop())
        tree = ast.parse((KERNEL / "adapters" / f"{module}.py").read_text("utf-8"))
        near = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
        todo += [node.module for node in near if node.module and node.module not in wanted]
    assert {file.stem for file in (package / "_gate" / "adapters").iterdir()} == wanted
    program = (
        f"import sys; sys.path.insert(0, sys.argv[1]); import toy._gate.adapters.{adapter}; assert 'tidegate' not in sys.modules"
    )
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", program, str(package.parent)], check=True, timeout=60)


def test_policies_come_whole(package: Path) -> None:
    main(["vendor", str(package / "_gate"), "--with", "policies"])
    assert {file.name for file in (package / "_gate" / "adapters").glob("*.py")} == {"__init__.py", "bulkhead.py"}  # of admission
    assert {file.name for file in (package / "_gate" / "policies").iterdir()} == {
        f.name for f in (KERNEL / "policies").glob("*.py")
    }
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import toy._gate.policies.freshness as f; "
        "assert 'tidegate' not in sys.modules; assert f.FreshIntake(1, 1.0).offer(None)"
    )
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", program, str(package.parent)], check=True, timeout=60)


def test_every_adapter_is_in_the_table_and_its_needs_are_in_the_docstring() -> None:
    assert {*ADAPTERS} - {POLICIES} == {file.stem for file in (KERNEL / "adapters").glob("*.py") if not file.stem.startswith("_")}
    text = " ".join((adapters.__doc__ or "").split())
    for names, needs in re.findall(r"((?:`\w+`(?: and )?)+) needs? ((?:`\w+`(?: and )?)+)", text):
        for name in re.findall(r"\w+", names.replace(" and ", " ")):
            assert ADAPTERS[name] == tuple(re.findall(r"\w+", needs.replace(" and ", " "))), name
            assert f"`{name}`" in text
    assert {name for name, needs in ADAPTERS.items() if needs} == {
        *("aio", "executor", "asgi", "wsgi", "guard", "log", "metrics", POLICIES)
    }


def test_what_the_installer_did_not_put_there_is_not_copied(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = older(monkeypatch, tmp_path)
    (other.folder / "notes.txt").write_text("mine")
    assert main(["vendor", str(package / "_gate")]) == 0
    assert not (package / "_gate" / "notes.txt").exists()


def test_an_installed_kernel_that_was_edited_is_not_copied(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    shutil.copytree(KERNEL, site / "tidegate", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / "tidegate-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: tidegate\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("tidegate/_slots.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    assert manifest.edited_since_installed(site / "tidegate") == ["tidegate/_slots.py"]

    def edited(_folder: Path) -> list[str]:
        return ["tidegate/_slots.py"]

    monkeypatch.setattr(manifest, "edited_since_installed", edited)
    assert main(["vendor", str(package / "_gate")]) == 2
    assert "the installed tidegate was edited (tidegate/_slots.py): install it again" in capsys.readouterr().err
    assert not (package / "_gate").exists()
    (site / "tidegate" / "_slots.py").write_bytes(b"")
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    assert manifest.edited_since_installed(site / "tidegate") == []


# Where it may go.


@pytest.mark.parametrize("name", ["my-gate", "2gate", "class", "a.b", ""])
def test_a_folder_that_cannot_be_imported_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / name if name else Path("/")
    assert main(["vendor", str(folder)]) == 2
    assert "is not a name in Python" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vendor", str(package)]) == 2
    assert f"{package} is not empty; --update renews a copy" in capsys.readouterr().err
    (package / "file").write_text("")
    assert main(["vendor", str(package / "file")]) == 2
    assert main(["vendor", str(package / "file" / "deeper" / "_gate")]) == 2
    assert f"{package / 'file'} is not a folder" in capsys.readouterr().err
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "file"]


def test_folders_on_the_way_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "src" / "myapp" / "_gate"
    assert main(["vendor", str(folder)]) == 0
    said = capsys.readouterr().out
    assert (
        f"made {folder.parent} for it: a namespace package, until there is an __init__.py in it\nimport it as myapp._gate;" in said
    )
    assert len(files_of(folder)) == 9
    other = tmp_path / "other" / "_gate"
    assert main(["vendor", str(other)]) == 0
    assert f"made {other.parent} for it; with an __init__.py there the copy is imported as other._gate\n" in capsys.readouterr().out


def test_folders_on_the_way_go_again_when_nothing_was_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> list[str]:
        return ["MODIFIED _intake.py"]

    monkeypatch.setattr("tidegate_gate.vendor.differences", broken)
    assert main(["vendor", str(tmp_path / "src" / "myapp" / "_gate")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_dots_are_read(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "_gate").mkdir()
    monkeypatch.chdir(package / "_gate")
    assert main(["vendor", "."]) == 0
    assert len(files_of(package / "_gate")) == 9


def test_a_copy_that_would_hide_the_installed_one_is_refused(tmp_path: Path, package: Path) -> None:
    assert main(["vendor", str(tmp_path / "tidegate")]) == 2
    assert not (tmp_path / "tidegate").exists()
    assert main(["vendor", str(package / "tidegate")]) == 0  # toy.tidegate hides nothing


@pytest.mark.parametrize("link", ["_gate", "linked/_gate"])
def test_nothing_is_written_through_a_symbolic_link(
    link: str, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "__init__.py").write_text("")
    (package / Path(link).parts[0]).symlink_to(target)
    for options in ((), ("--update",)):
        assert main(["vendor", str(package / link), *options]) == 2
        assert "is a symbolic link: name the folder itself" in capsys.readouterr().err
    (package / "dangling").symlink_to(tmp_path / "nowhere")
    assert main(["vendor", str(package / "dangling")]) == 2
    assert [file.name for file in target.iterdir()] == ["__init__.py"]


def test_bad_usage(package: Path) -> None:
    for words in ([], [str(package / "_gate"), "--with", "nothing"], [str(package / "_gate"), "--update"]):
        assert main(["vendor", *words]) == 2
    assert [file.name for file in package.iterdir()] == ["__init__.py"]


# Renewing.


def test_an_update_goes_from_one_version_to_the_next(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = package / "_gate"
    other = older(monkeypatch, tmp_path)
    main(["vendor", str(copy), "--with", "executor"])
    (copy / "__pycache__").mkdir()
    monkeypatch.undo()
    capsys.readouterr()
    assert main(["vendor", "--update", str(copy)]) == 0
    assert f"from tidegate 0.0.9 with executor to tidegate {tidegate.__version__} with executor\n" in capsys.readouterr().out
    assert (
        (copy / "__init__.py").read_bytes() == (KERNEL / "__init__.py").read_bytes() != (other.folder / "__init__.py").read_bytes()
    )
    assert (copy / "adapters" / "executor.py").exists()
    renewed = files_of(copy)
    assert main(["vendor", "--update", str(copy)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["vendor", "--update", str(copy), "--with", "log"]) == 0
    assert {*files_of(copy)} - {*renewed} == {"adapters/_records.py", "adapters/log.py", "adapters/edges.py"}
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "_gate"]


def test_an_update_refuses_an_edited_copy_and_says_how_it_was_edited(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = package / "_gate"
    older(monkeypatch, tmp_path)
    main(["vendor", str(copy)])
    monkeypatch.undo()
    (copy / "_slots.py").write_bytes((copy / "_slots.py").read_bytes().replace(b"\n", b"\r\n"))
    (copy / "_types.py").write_text("pass\n")
    (copy / "_atomic.py").unlink()
    (copy / "more.py").write_text("")
    before = files_of(copy)
    assert main(["vendor", "--update", str(copy)]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  MISSING _atomic.py",
        "  MODIFIED _slots.py (only its line endings: CRLF instead of LF)",
        "  MODIFIED _types.py",
        "  EXTRA more.py",
    ]
    assert files_of(copy) == before


def test_an_update_refuses_an_edited_copy_whose_manifest_was_edited_to_match(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = package / "_gate"
    main(["vendor", str(copy)])
    forge(copy, "_slots.py", b"pass\n")
    assert main(["vendor", "--update", str(copy)]) == 1
    assert "MODIFIED VENDORED.json (it is not that of tidegate" in capsys.readouterr().err
    (copy / MANIFEST).write_text("{}")
    assert main(["vendor", "--update", str(copy)]) == 1
    (copy / MANIFEST).unlink()
    assert main(["vendor", "--update", str(copy)]) == 2


def test_an_update_to_an_older_version_says_that_it_is_a_downgrade(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["vendor", str(package / "_gate")])
    older(monkeypatch, tmp_path)
    capsys.readouterr()
    assert main(["vendor", "--update", str(package / "_gate")]) == 0
    wanted = f"from tidegate {tidegate.__version__} to tidegate 0.0.9, a downgrade: the copy was of the later version\n"
    assert wanted in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["vendor", "--update", str(package / "_gate")]) == 0
    assert "downgrade" not in capsys.readouterr().out


def test_versions_are_ordered() -> None:
    order = "0.0.9 0.1 0.2.dev1 0.2a1 0.2a2 0.2.0b1 0.2rc1 0.2.0 0.2.1 0.10.0 1.0".split()
    assert all(manifest.is_older(one, two) == (order.index(one) < order.index(two)) for one in order for two in order)
    assert not manifest.is_older("0.2", "0.2.0")
    assert not manifest.is_older("0.2.0", "0.2")
    assert not any(manifest.is_older(*pair) for pair in (("0.1", "unknown"), ("unknown", "0.1"), ("0.1", "1!0.1")))


def test_an_adapter_is_taken_out_of_a_copy(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = package / "_gate"
    main(["vendor", str(copy), "--with", "executor", "--with", "bulkhead", "--with", "edges"])
    capsys.readouterr()
    assert main(["vendor", str(copy), "--update", "--without", "edges", "--without", "bulkhead"]) == 0
    said = capsys.readouterr().out
    assert "with bulkhead, edges, executor to tidegate" in said
    assert "\nadapters/bulkhead.py stays: executor needs it\n" in said
    assert not (copy / "adapters" / "edges.py").exists()
    assert main(["vendor", str(copy), "--update", "--without", "executor"]) == 0
    assert tuple(files_of(copy)) == (*sorted((*CORE, MANIFEST)),)
    assert main(["verify", "--files-only", "--vendored", str(copy)]) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--without", "edges"], "--without is for a copy that is there: it needs --update"),
        (["--update", "--without", "log"], "--without log: the copy has no such adapter; it has edges"),
        (["--update", "--without", "edges", "--with", "edges"], "--without edges: it is named by --with, too"),
        (["--update", "--sbom", "-"], "--sbom: a file is needed that is not in the copy, not -"),
        (["--update", "--sbom", "COPY/sbom.json"], "--sbom: a file is needed that is not in the copy, not "),
        (["--update", "--sbom", "COPY/../absent/sbom.json"], "--sbom: no folder "),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(
    options: list[str], said: str, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = package / "_gate"
    main(["vendor", str(copy), "--with", "edges"])
    before = files_of(package)
    capsys.readouterr()
    assert main(["vendor", str(copy), *(option.replace("COPY", str(copy)) for option in options)]) == 2
    assert said in capsys.readouterr().err
    assert files_of(package) == before


def test_no_adapter_is_taken_out_of_an_edited_copy(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = package / "_gate"
    main(["vendor", str(copy), "--with", "edges"])
    (copy / "adapters" / "edges.py").write_text("pass\n")
    before = files_of(copy)
    assert main(["vendor", str(copy), "--update", "--without", "edges", "--sbom", str(package / "sbom.json"), "--write"]) == 1
    assert "  MODIFIED adapters/edges.py\n" in capsys.readouterr().err
    assert files_of(copy) == before
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "_gate"]


def test_an_adapter_that_is_no_more_can_be_taken_out(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older(monkeypatch, tmp_path)
    main(["vendor", str(package / "_gate"), "--with", "edges"])
    monkeypatch.undo()
    monkeypatch.delitem(cast("dict[str, tuple[str, ...]]", ADAPTERS), "edges")
    assert main(["vendor", str(package / "_gate"), "--update"]) == 2
    assert "has no adapter edges: --without takes it out" in capsys.readouterr().err
    assert main(["vendor", str(package / "_gate"), "--update", "--without", "edges"]) == 0


def lacks(bom: Any) -> list[str]:
    """Name what the schema of CycloneDX 1.6 requires, or this project wants, and a bill of materials lacks."""
    component: Any = bom["components"][0]
    files: Any = component["components"]
    hashes: list[dict[str, str]] = [each["hashes"][0] for each in files]
    checks: dict[str, bool] = {
        "bomFormat": bom.get("bomFormat") == "CycloneDX",
        "specVersion": bom.get("specVersion") == "1.6",
        "version": bom.get("version", 1) >= 1,
        "type": component.get("type") == "library",
        "name": component.get("name") == "tidegate",
        "component version": component.get("version") == tidegate.__version__,
        "licence": component.get("licenses") == [{"license": {"id": "MIT"}}],
        "purl": component.get("purl") == f"pkg:pypi/tidegate@{tidegate.__version__}",
        "files": bool(files) and all(each.get("type") == "file" and each.get("name") for each in files),
        "hashes": all(each["alg"] == "SHA-256" and len(each["content"]) == 64 for each in hashes),
    }
    return [name for name, holds in checks.items() if not holds]


def test_the_bill_of_materials_names_every_file(package: Path, tmp_path: Path) -> None:
    copy, file = package / "_gate", tmp_path / "tidegate.cdx.json"
    assert main(["vendor", str(copy), "--with", "edges", "--sbom", str(file)]) == 0
    bom = json.loads(file.read_text("utf-8"))
    assert lacks(bom) == []
    told = {each["name"]: each["hashes"][0]["content"] for each in bom["components"][0]["components"]}
    assert told == {name: sha256(data).hexdigest() for name, data in files_of(copy).items() if name != MANIFEST}
    before = file.read_bytes()
    assert main(["vendor", str(copy), "--update", "--sbom", str(file)]) == 0
    assert file.read_bytes() == before
    for key in ("bomFormat", "specVersion"):
        assert lacks({**bom, key: None}) == [key]
    for key, name in {"type": "type", "name": "name", "licenses": "licence", "purl": "purl", "components": "files"}.items():
        assert lacks({**bom, "components": [{**bom["components"][0], key: []}]}) == [name]


def forge(copy: Path, name: str, data: bytes) -> None:
    """Edit a file of a copy and have the manifest agree."""
    (copy / name).write_bytes(data)
    former = Manifest.parse((copy / MANIFEST).read_text("utf-8"))
    hashes = {**former.files, name: sha256(data).hexdigest()}
    forged = Manifest(former.version, former.adapters, dict(sorted(hashes.items())))
    (copy / MANIFEST).write_text(forged.as_json(), encoding="utf-8")


@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_an_interruption_leaves_the_old_copy_whole(
    step: str, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = package / "_gate"
    older(monkeypatch, tmp_path)
    main(["vendor", str(copy)])
    monkeypatch.undo()
    before = files_of(copy)
    calls: list[Path] = []
    original = getattr(Path, step)

    def interrupted(path: Path, *arguments: object) -> object:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt if step == "write_bytes" else OSError(28, "no space left")
        return original(path, *arguments)

    monkeypatch.setattr(Path, step, interrupted)
    assert main(["vendor", "--update", str(copy)]) == 3
    assert len(calls) >= 2
    assert files_of(copy) == before
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "_gate"]


def test_a_signal_between_the_two_steps_waits_until_the_new_copy_is_in_place(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = package / "_gate"
    older(monkeypatch, tmp_path)
    main(["vendor", str(copy)])
    monkeypatch.undo()
    original = Path.rename

    def signalled(path: Path, target: Path) -> Path:
        moved = original(path, target)
        if path == copy:
            os.kill(os.getpid(), signal.SIGINT)
        return moved

    monkeypatch.setattr(Path, "rename", signalled)
    assert main(["vendor", "--update", str(copy)]) == 3
    assert (copy / "__init__.py").read_bytes() == (KERNEL / "__init__.py").read_bytes()
    assert sorted(file.name for file in package.iterdir()) == ["__init__.py", "_gate"]


def test_a_new_copy_that_is_interrupted_is_not_there_at_all(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path, *_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    assert main(["vendor", str(package / "_gate")]) == 3
    assert [file.name for file in package.iterdir()] == ["__init__.py"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(**_options: object) -> str:
        raise PermissionError(13, "Permission denied", str(package))

    monkeypatch.setattr(tempfile, "mkdtemp", denied)
    assert main(["vendor", str(package / "_gate")]) == 2
    assert capsys.readouterr().err == f"tidegate vendor: cannot write in {package}: Permission denied\n"


# Other people's tools.

UNTIDY = """import os, sys
def  plain( x:int ) -> int:
    return   'text'
"""


PROJECT = """\
[tool.ruff]
lint.select = ["ALL"]

[tool.mypy]
strict = true
disallow_any_explicit = true
disallow_any_expr = true

[tool.coverage.run]
branch = true
"""


@pytest.fixture(params=["written", "pasted"])
def project(request: pytest.FixtureRequest, package: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Make a project with a copy of everything and what `vendor` says it lacks; beside it a file with every kind of fault."""
    root, copy = package.parents[1], package / "_gate"
    (root / "pyproject.toml").write_text(PROJECT)
    capsys.readouterr()
    options = ["--write"] if request.param == "written" else []
    assert main(["vendor", str(copy), *options, *(word for adapter in ADAPTERS for word in ("--with", adapter))]) == 0
    if request.param == "pasted":
        head, _, settings = capsys.readouterr().out.partition("  pyproject.toml\n")
        assert f"into {root} (--write does it):\n  .gitattributes\n" in head
        (root / ".gitattributes").write_text(head.rpartition("  .gitattributes\n")[2].replace("    ", ""))
        pasted = settings.replace("    ", "")
        for table, lines in re.findall(r"(\[tool\..*\]\n)((?:[^\[\n].*\n)+)", PROJECT):
            pasted = pasted.replace(table, table + lines) if table in pasted else f"{pasted}{table}{lines}"
        (root / "pyproject.toml").write_text(pasted)
    capsys.readouterr()
    assert main(["vendor", str(copy), "--update"]) == 0
    assert f"nothing is lacking for it in the settings in {root}\n" in capsys.readouterr().out
    (package / "untidy.py").write_text(UNTIDY)
    return root


def tool(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in a project."""
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ["black", "."],
        ["black", "src/toy/_gate/_slots.py", "src/toy/untidy.py"],
        ["ruff", "format"],
        ["ruff", "format", "src/toy/_gate/_slots.py", "src/toy/untidy.py"],
        ["ruff", "check", "--fix", "--unsafe-fixes"],
        ["ruff", "check", "--fix", "--unsafe-fixes", "src/toy/_gate/_slots.py", "src/toy/untidy.py"],
    ],
    ids=" ".join,
)
def test_formatters_leave_the_copy_as_it_is(words: list[str], project: Path) -> None:
    pytest.importorskip(words[0])
    copy = project / "src" / "toy" / "_gate"
    before = files_of(copy)
    run = tool(project, sys.executable, "-m", *words)
    assert (project / "src" / "toy" / "untidy.py").read_text() != UNTIDY, run.stderr  # it did look
    assert "_gate" not in run.stdout + run.stderr
    assert files_of(copy) == before


def test_a_type_checker_says_nothing_of_the_copy(project: Path) -> None:
    pytest.importorskip("mypy")
    run = tool(project, sys.executable, "-m", "mypy", "--cache-dir", str(project / "cache"), "src")
    assert "untidy.py" in run.stdout, run.stderr
    assert "_gate" not in run.stdout


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_strict_type_checker_without_those_settings_finds_nothing_either(
    checker: str, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(checker)
    root = package.parents[1]
    assert main(["vendor", str(package / "_gate"), *(word for adapter in ADAPTERS for word in ("--with", adapter))]) == 0
    capsys.readouterr()
    (package / "untidy.py").write_text(UNTIDY)
    (root / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "include": ["src"]}')
    words = {
        "mypy": ("--strict", "--warn-unreachable", "--cache-dir", str(root / "cache"), "src"),
        "pyright": ("--pythonpath", sys.executable),
    }[checker]
    run = tool(root, sys.executable, "-m", checker, *words)
    assert "untidy.py" in run.stdout, run.stderr
    assert "_gate" not in run.stdout, run.stdout


def test_coverage_does_not_count_the_copy(project: Path) -> None:
    pytest.importorskip("coverage")
    program = project / "program.py"
    program.write_text(f"import sys\nsys.path.insert(0, {str(project / 'src')!r})\nimport toy._gate.adapters.edges\n")
    run = tool(project, sys.executable, "-m", "coverage", "run", program.name)
    assert run.returncode == 0, run.stderr
    told = tool(project, sys.executable, "-m", "coverage", "report").stdout
    assert "program.py" in told
    assert "_gate" not in told


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_keeps_the_line_endings_of_the_copy(project: Path) -> None:
    before = files_of(project / "src" / "toy" / "_gate")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]):
        assert tool(project, "git", "-c", "core.autocrlf=true", *words).returncode == 0
    shutil.rmtree(project / "src")
    assert tool(project, "git", "-c", "core.autocrlf=true", "checkout", "-q", "--", ".").returncode == 0
    assert files_of(project / "src" / "toy" / "_gate") == before
    assert b"\r\n" in (project / "src" / "toy" / "untidy.py").read_bytes()  # others are changed


def test_without_a_project_the_lines_are_for_the_folder_of_the_package(
    package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(package)
    assert main(["vendor", "_gate"]) == 0
    said = capsys.readouterr().out
    assert f"into {package.parent} (--write does it):\n" in said
    assert "    toy/_gate/** -text\n" in said
    assert 'module = ["toy._gate", "toy._gate.*"]' in said


# Manifests.


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "\x00", '{"format": 1}', '{"format": 2}', "[" * 100_000],
    ids=["empty", "list", "object", "null", "binary", "format only", "later format", "deep"],
)
def test_a_manifest_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(text)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('"name": "tidegate"', '"name": "other"', "it is of other"),
        ('"format": 1', '"format": 2', "its format is 2"),
        ('"digest": "', '"digest": "0', "its digest is not that of its files"),
        ('"LICENSE": "', '"LICENSE": "0', "its digest is not that of its files"),
        ('"files": {', '"files": 5, "other": {', "AttributeError"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(right: str, wrong: str, said: str) -> None:
    text = Installed.find().manifest([]).as_json()
    assert Manifest.parse(text).as_json() == text
    assert text.count(right) == 1
    with pytest.raises(ManifestError, match=said):
        Manifest.parse(text.replace(right, wrong))


# The copy at work.


@pytest.mark.parametrize("options", [("-I",), ("-I", "-O"), ("-I", "-OO"), ("-I", "-W", "error")], ids=" ".join)
def test_a_nested_copy_works(options: tuple[str, ...], package: Path) -> None:
    main(["vendor", str(package / "_gate")])
    assert use("toy._gate", [package.parent], *options) == USED


def test_a_copy_works_under_any_name_and_depth(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    for folder in (tmp_path / "a", tmp_path / "a" / "b", deep):
        (folder / "__init__.py").write_text("")
    for name, folder in (("gate", tmp_path), ("_0", deep), ("tidegate", deep), ("größe", deep)):
        main(["vendor", str(folder / name)])
        dotted = ".".join([*folder.relative_to(tmp_path).parts, name])
        assert use(dotted, [tmp_path], "-I") == USED


def test_a_copy_works_from_a_zip_and_from_a_folder_that_is_read_only(package: Path, tmp_path: Path) -> None:
    main(["vendor", str(package / "_gate")])
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        for file in package.rglob("*"):
            archive.write(file, file.relative_to(package.parent))
    assert use("toy._gate", [tmp_path / "toy.zip"], "-I") == USED
    for path in (*package.rglob("*"), package):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert use("toy._gate", [package.parent], "-I") == USED
    finally:
        for path in (package, *package.rglob("*")):
            path.chmod(0o755)


def test_two_versions_work_in_one_process(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a lease nor a slot nor an answer of one is the other's."""
    main(["vendor", str(package / "new")])
    older(monkeypatch, tmp_path)
    main(["vendor", str(package / "old")])
    program = """
import gc, os, sys
sys.path.insert(0, sys.argv[1])
from toy import new, old
assert old.__version__ == "0.0.9" != new.__version__ and old.Outcome.FULL is not new.Outcome.FULL
one, other = old.Intake(1), new.Intake(1)
assert one.offer("a") is old.Outcome.ACCEPTED and other.offer("b") is new.Outcome.ACCEPTED
assert one.offer("c") is old.Outcome.FULL and other.offer("d") is new.Outcome.FULL
lease, theirs = one.take(0), other.take(0)
assert (lease.item, theirs.item) == ("a", "b") and not isinstance(lease, new.Lease)
assert lease.release() and one.offer("e") and other.offer("f") is new.Outcome.FULL
del theirs
gc.collect()
assert other.statistics().abandoned == 1 and one.statistics().abandoned == 0
one.close()
assert other.offer("g") is new.Outcome.ACCEPTED
if os.fork() == 0:
    try:
        assert one.statistics().free == other.statistics().free == 1 and one.offer("h") is old.Outcome.CLOSED and other.offer("i")
        os._exit(0)
    finally:
        os._exit(1)
assert os.wait()[1] == 0 and other.statistics().queued == 1
"""
    subprocess.run([sys.executable, "-I", "-W", "error", "-c", program, str(package.parent)], check=True, timeout=60)
