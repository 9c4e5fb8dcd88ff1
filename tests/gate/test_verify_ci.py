"""The gate in CI: JUnit XML, what GitHub shows, shards that add up, and a budget of time."""

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidegate_gate import github, options, shards, verify
from tidegate_gate.budget import buy, parse_budget_s
from tidegate_gate.conformance import conformance_of
from tidegate_gate.display import PlainDisplay, tell_clauses
from tidegate_gate.junit import as_junit
from tidegate_gate.plan import About, Answer, Group, Planned, Request
from tidegate_gate.report import as_json, judge
from tidegate_gate.shards import Shard
from tidegate_specs.check import Verdict

FAKES = Path(__file__).parent / "fakes"
PATIENCE_S = 60
GROUP = Group("some", "some", "tries")
HOSTILE = "".join(map(chr, [*range(0x300), 0x2028, 0x202E, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x10FFFF])) + "]]>&<!--\r\n%0A::error::"


def environment(**more: str) -> dict[str, str]:
    """Let the gate and its children find the fake modules of checks; nothing of a CI system's around it."""
    path = os.pathsep.join([str(FAKES), *filter(None, [os.environ.get("PYTHONPATH")])])
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    return {**plain, "PYTHONPATH": path, **more}


def command(*options: str, modules: Sequence[str] = ("faulty",)) -> list[str]:
    words = [sys.executable, "-m", "tidegate_gate", "verify", "--clauses-from", "contract", *options]
    return words + [word for module in modules for word in ("--checks-from", module)]


def gate(*options: str, modules: Sequence[str] = ("faulty",), **more: str) -> subprocess.CompletedProcess[str]:
    words = command(*options, modules=modules)
    return subprocess.run(words, env=environment(**more), capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def checks(*names: str) -> list[str]:
    return [word for name in names for word in ("--check", f"faulty.{name}")]


def answer(verdict: Verdict, *clauses: str, witness: str = "", evidence: str = "it ran", name: str = "a") -> Answer:
    return Answer(Planned(f"some.{name}", GROUP, "Fake", clauses, "", "", (1.0, 1.0)), verdict, evidence, witness, (), 0.5)


# JUnit XML.

# What the schema of the JUnit reports that CI systems read (that of Jenkins and Surefire) has of each element.
SUITE = {"name", "tests", "failures", "errors", "skipped", "time"}
SCHEMA: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": (SUITE, {"testsuite"}),
    "testsuite": (SUITE, {"testcase"}),
    "testcase": ({"name", "classname", "time"}, {"skipped", "error", "failure", "system-out"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}


def validated(text: str) -> ET.Element:
    """Parse a JUnit report, and have it be what the schema says, with the sums right."""
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = SCHEMA[element.tag]
        assert set(element.attrib) == attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
        if "tests" in element.attrib:
            for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert int(element.attrib[name]) == len(list(element.iter(tag))), (element.tag, name)
        if element.tag == "testcase":
            assert sum(child.tag != "system-out" for child in element) <= 1
        assert float(element.attrib.get("time", "0")) >= 0
    names = [case.attrib["name"] for case in root.iter("testcase")]
    assert len(names) == len(set(names))
    return root


def cases(root: ET.Element) -> dict[str, str]:
    """Give each test case's outcome."""
    return {
        case.attrib["name"]: next((child.tag for child in case if child.tag != "system-out"), "passed")
        for case in root.iter("testcase")
    }


def test_junit_has_a_case_for_each_check(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    run = gate(*checks("fine", "illegal", "unknown"), "--junit", str(file))
    assert run.returncode == 1
    root = validated(file.read_text(encoding="utf-8"))
    found = cases(root)
    assert found.pop("faulty.fine") == "passed"
    assert found.pop("faulty.illegal") == "failure"
    assert found.pop("faulty.unknown") == "error"
    assert set(found.values()) == {"skipped"}
    failure = next(root.iter("failure"))
    assert failure.attrib["message"] == "ILLEGAL: 2 of 3 accepted (ONE-1)"
    assert "offer(b) -> \\x1b[31mACCEPTED" in (failure.text or "")
    assert "replay: tidegate verify --check faulty.illegal --seed 0 --profile quick" in (failure.text or "")
    assert os.listdir(tmp_path) == ["report.xml"], "nothing temporary is left"


def test_junit_of_a_run_that_is_ok_has_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    assert gate("--junit", str(file), modules=("fine",)).returncode == 0
    assert set(cases(validated(file.read_text(encoding="utf-8"))).values()) == {"passed"}


@pytest.mark.parametrize("module", ["stranger", "unloadable", "absent_group"])
def test_junit_is_never_without_fault_where_the_gate_is_not_ok(module: str, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    assert gate("--junit", str(file), modules=("fine", module)).returncode == 3
    assert "error" in cases(validated(file.read_text(encoding="utf-8"))).values()


def test_junit_has_an_error_for_a_clause_without_a_check() -> None:
    text = as_junit(judge(["A", "B"], [answer(Verdict.OK, "A")]), [answer(Verdict.OK, "A")], [], Request())
    assert cases(validated(text)) == {"some.a": "passed", "B": "error"}


def test_junit_is_xml_whatever_a_witness_holds() -> None:
    hostile = answer(Verdict.ILLEGAL, "A", witness=HOSTILE, evidence=HOSTILE)
    text = as_junit(judge(["A"], [hostile]), [hostile], [(hostile.check, HOSTILE)], Request())
    root = ET.fromstring(text.encode())
    assert "\\x00\\x01" in (next(root.iter("failure")).text or "")
    assert next(root.iter("testcase")).attrib["time"] == "0.500"


@pytest.mark.parametrize("name", ["hang", "crash"])
def test_junit_survives_a_check_that_breaks(name: str, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    assert gate(*checks(name, "last"), "--junit", str(file)).returncode == 3
    found = cases(validated(file.read_text(encoding="utf-8")))
    assert (found[f"faulty.{name}"], found["faulty.last"]) == ("error", "passed")


def test_a_killed_gate_leaves_a_whole_junit_report(tmp_path: Path) -> None:
    pids, file = tmp_path / "pids", tmp_path / "report.xml"
    words = command(*checks("fine", "hang_long"), "--junit", str(file))
    with subprocess.Popen(words, env=environment(FAULTY_PIDS=str(pids)), stdout=subprocess.PIPE, text=True) as process:
        deadline_s = time.monotonic() + PATIENCE_S
        while not (pids.exists() and pids.read_text(encoding="utf-8")):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    found = cases(validated(file.read_text(encoding="utf-8")))
    assert (found["faulty.fine"], found["faulty.hang_long"]) == ("passed", "error")
    for pid in pids.read_text(encoding="utf-8").split():
        with contextlib.suppress(ProcessLookupError):  # Linux ends the process of the check with its parent
            os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize(("target", "said"), [("-", "a file is needed"), ("/no/such/folder/report.xml", "--junit: no folder")])
def test_junit_where_it_cannot_be(target: str, said: str) -> None:
    run = gate("--junit", target, modules=("fine",))
    assert run.returncode == 2
    assert said in run.stderr


# GitHub.


def test_nothing_of_github_elsewhere(tmp_path: Path) -> None:
    run = gate(*checks("illegal"), GITHUB_ACTIONS="false")
    assert "::" not in run.stdout + run.stderr
    assert os.listdir(tmp_path) == []


def test_one_annotation_for_each_failed_clause() -> None:
    run = gate(*checks("fine", "illegal", "unknown"), GITHUB_ACTIONS="true")
    assert run.returncode == 1
    lines = [line for line in run.stdout.splitlines() if line.startswith("::")]
    assert [line.partition("::faulty")[0] for line in lines] == [
        "::error title=ONE-1%3A ILLEGAL",
        "::warning title=TWO-1%3A UNKNOWN",
        "::warning title=THREE-1%3A UNKNOWN",
    ]
    assert "%0Areplay: tidegate verify --check faulty.illegal --seed 0" in lines[0]
    assert run.stdout.splitlines()[-1].startswith("tidegate: ILLEGAL ")


def test_annotations_leave_json_on_stdout_alone() -> None:
    run = gate(*checks("illegal"), "--json", "-", GITHUB_ACTIONS="true")
    assert run.stdout.startswith("{")
    assert "\n::error title=ONE-1" in run.stderr


def test_an_annotation_is_escaped() -> None:
    hostile = answer(Verdict.ILLEGAL, "A,B:C", witness=HOSTILE, evidence="100%, a: b\r\n::error::x")
    (line,) = github.annotations(judge(["A,B:C"], [hostile]), Request())
    assert line.startswith("::error title=A%2CB%3AC%3A ILLEGAL::")
    assert "100%25, a: b ::error::x" in line
    assert "\n" not in line
    assert "\r" not in line
    assert github.escape_data("a%\r\n") == "a%25%0D%0A"


def test_the_summary_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n", encoding="utf-8")
    gate(*checks("fine", "illegal"), GITHUB_STEP_SUMMARY=str(file))
    text = file.read_text(encoding="utf-8")
    assert text.startswith("before\n## tidegate verify: ILLEGAL\n")
    assert "| ONE-1 | ILLEGAL | faulty.illegal found it broken" in text
    assert "| FOUR-1 | OK | " in text
    assert "\n    offer(b) -> \\x1b[31mACCEPTED\n" in text
    assert "\n    replay: tidegate verify --check faulty.illegal --seed 0" in text
    assert "Cut to stay" not in text


def test_markdown_is_the_same_in_a_file(tmp_path: Path) -> None:
    file, summary = tmp_path / "report.md", tmp_path / "summary.md"
    gate(*checks("fine", "illegal"), "--markdown", str(file), GITHUB_STEP_SUMMARY=str(summary))
    text = file.read_text(encoding="utf-8")
    assert text == summary.read_text(encoding="utf-8")
    assert text.index("## tidegate verify: ILLEGAL") < text.index("**ILLEGAL faulty.illegal**") < text.index("| clause | verdict |")


def test_a_summary_that_cannot_be_written_changes_no_verdict(tmp_path: Path) -> None:
    run = gate(modules=("fine",), GITHUB_STEP_SUMMARY=str(tmp_path))
    assert run.returncode == 0
    assert "no job summary: cannot write " in run.stdout


@pytest.mark.parametrize(("clauses", "size"), [(1, 1_000_000), (60, 20_000), (500, 10)])
def test_the_summary_is_cut_openly(clauses: int, size: int) -> None:
    ids = [f"CLAUSE-{number}" for number in range(clauses)]
    evidence = ("<|&" + HOSTILE) * 10
    found = [answer(Verdict.ILLEGAL, id_, witness="\u00e9" * size, evidence=evidence, name=id_) for id_ in ids]
    text = github.summary(Verdict.ILLEGAL, "(all of it)", judge(ids, found), Request())
    assert len(text.encode()) < 64_000
    assert ("[cut: 992,010 characters more]" if clauses == 1 else "Cut to stay under 64 kB; left out: ") in text
    rows = [line for line in text.splitlines() if line.startswith("| CLAUSE-")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


# Each clause's own witness.


def two_faults() -> list[Answer]:
    """Give two checks' answers on three clauses: one blames two of them, each by its own witness, and the other the third."""
    apart = {"A": "shows A", "B": "shows B"}
    both = replace(answer(Verdict.ILLEGAL, "A", "B", "C", witness="shows A", name="both"), blames=("A", "B"), witnesses=apart)
    third = replace(answer(Verdict.ILLEGAL, "B", "C", witness="shows C", name="third"), blames=("C",))
    return [third, both]


def test_each_clause_has_its_own_witness_in_every_format() -> None:
    found = judge(["A", "B", "C"], two_faults())
    assert [clause.verdict for clause in found] == [Verdict.ILLEGAL] * 3
    report = json.loads(as_json(Verdict.ILLEGAL, found, Request(), "", ""))
    told = {(clause["id"], check["name"]): check for clause in report["clauses"] for check in clause["checks"]}
    assert {key: (check["witness"], check["blames"]) for key, check in told.items()} == {
        ("A", "some.both"): ("shows A", ["A", "B"]),
        ("B", "some.both"): ("shows B", ["A", "B"]),
        ("B", "some.third"): ("", ["C"]),
        ("C", "some.both"): ("", ["A", "B"]),
        ("C", "some.third"): ("shows C", ["C"]),
    }
    lines = io.StringIO()
    tell_clauses(PlainDisplay(lines), found, Request(), ())
    text = lines.getvalue()
    assert "  bears on: A\n    shows A\n  bears on: B\n    shows B\n  replay:" in text
    assert "  bears on: C\n    shows C\n  replay:" in text
    markdown = github.summary(Verdict.ILLEGAL, "", found, Request())
    root = validated(as_junit(found, two_faults(), [], Request()))
    failures = [failure.text or "" for failure in root.iter("failure")]
    for told_so in (markdown, "".join(failures)):
        assert all(f"{id_}: shows {id_}\n" in told_so for id_ in "ABC")
    assert ["shows A" in failure for failure in failures] == [False, True]
    annotations = github.annotations(found, Request())
    assert [re.findall(r"--check (\S+)", line) for line in annotations] == [["some.both"], ["some.both"], ["some.third"]]


def test_from_python_too_a_clause_is_told_its_own_witness() -> None:
    judged = verify.Judged(Request(), About(), tuple(judge(["A", "B", "C"], two_faults())), {}, ())
    told = conformance_of(judged, ["A", "B", "C"]).clauses
    assert all((f"shows {other}" in told[id_].text) == (other == id_) for id_ in "ABC" for other in "ABC")


def test_junit_names_the_subject() -> None:
    root = validated(as_junit([], two_faults(), [], Request("my.module:MyQueue")))
    assert {case.attrib["classname"] for case in root.iter("testcase")} == {"my.module:MyQueue.some"}


# Shards.


def test_a_shard_keeps_whom_a_check_blames_and_its_witnesses() -> None:
    report = json.loads(as_json(Verdict.ILLEGAL, judge(["A", "B", "C"], two_faults()[::-1]), Request(), "", ""))
    again = judge(["A", "B", "C"], shards.answers_of(report))
    assert json.loads(as_json(Verdict.ILLEGAL, again, Request(), "", "")) == report


def run_shards(folder: Path, of: int, *options: str, modules: Sequence[str] = ("fine",)) -> list[Path]:
    files = [folder / f"{index}.json" for index in range(1, of + 1)]
    for index, file in enumerate(files, 1):
        gate("--shard", f"{index}/{of}", "--json", str(file), *options, modules=modules)
    return files


def merge(*files: Path, **more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tidegate_gate", "verify", "--merge", *map(str, files), "--json", str(files[0]) + ".sum"]
    return subprocess.run(words, env=environment(**more), capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def merged_report(*files: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(Path(str(files[0]) + ".sum").read_text(encoding="utf-8"))
    return report


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {clause["id"]: clause["verdict"] for clause in report["clauses"]}


@pytest.mark.parametrize("of", range(1, 8))
def test_shards_are_disjoint_and_their_union_is_all(of: int) -> None:
    limits_s = (240, 60, 60, 60, 30, 30, 10)
    plan = [Planned(f"some.{i}", GROUP, "Fake", ("A",), "", "", (float(s), 1.0)) for i, s in enumerate(limits_s)]
    shares = [Shard(index, of).share(plan, "quick") for index in range(1, of + 1)]
    assert sorted(check.name for share in shares for check in share) == [check.name for check in plan]
    backwards = [Shard(index, of).share(plan[::-1], "quick")[::-1] for index in range(1, of + 1)]
    assert backwards == shares, "whatever the order of the plan"
    loads_s = [sum(check.limit_in("quick") for check in share) for share in shares]
    assert max(loads_s) <= max(240, sum(limits_s) / of + 60), "balanced"


def test_a_shard_judges_no_clause_without_its_checks(tmp_path: Path) -> None:
    run = gate("--shard", "2/2", "--json", str(tmp_path / "2.json"), "--junit", str(tmp_path / "2.xml"), modules=("fine",))
    assert run.returncode == 0
    assert "not judged here, as shard 2/2 has no check on them: TWO-1, FOUR-1" in run.stdout
    assert "TWO-1 " not in run.stdout
    assert run.stdout.endswith(", only shard 2/2)\n")
    assert verdicts(json.loads((tmp_path / "2.json").read_text(encoding="utf-8"))) == {"ONE-1": "OK", "THREE-1": "OK"}
    found = cases(validated((tmp_path / "2.xml").read_text(encoding="utf-8")))
    assert found == {"fine.first": "skipped", "fine.second": "passed", "fine.third": "skipped"}


def test_shards_add_up(tmp_path: Path) -> None:
    files = run_shards(tmp_path, 3)
    whole = tmp_path / "whole.json"
    gate("--json", str(whole), modules=("fine",))
    for order in (files, files[::-1]):
        run = merge(*order)
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stdout.splitlines()[-1] == "tidegate: OK (4 clauses, 3 checks, 3 reports)"
        assert verdicts(merged_report(*order)) == verdicts(json.loads(whole.read_text(encoding="utf-8")))


def test_an_illegal_shard_makes_the_sum_illegal(tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2, *checks("fine", "illegal"), modules=("faulty",))
    run = merge(*files, GITHUB_ACTIONS="true")
    assert run.returncode == 1
    assert verdicts(merged_report(*files)) == {"ONE-1": "ILLEGAL", "TWO-1": "UNKNOWN", "THREE-1": "OK", "FOUR-1": "OK"}
    assert "replay: tidegate verify --check faulty.illegal --seed 0 --profile quick --checks-from faulty" in run.stdout
    assert run.stdout.count("::error title=") == 1
    assert run.stdout.endswith(", only the checks named)\n")


def test_a_clause_that_no_shard_has_a_check_on_is_unknown(tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2, modules=("partial",))
    run = merge(*files)
    assert run.returncode == 3
    assert verdicts(merged_report(*files)) == {"ONE-1": "OK", "TWO-1": "OK", "THREE-1": "UNKNOWN", "FOUR-1": "UNKNOWN"}


@pytest.mark.parametrize("chosen", [(0,), (1,), (0, 0), (0, 1, 1)])
def test_a_sum_that_lacks_or_doubles_a_shard_is_unknown(chosen: tuple[int, ...], tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2)
    copies = [tmp_path / f"copy{number}.json" for number, _ in enumerate(chosen)]
    for index, copy in zip(chosen, copies, strict=True):
        copy.write_bytes(files[index].read_bytes())
    run = merge(*copies)
    assert run.returncode == 3
    assert set(verdicts(merged_report(*copies)).values()) == {"UNKNOWN"}
    assert " is missing" in run.stdout or " is there 2 times" in run.stdout


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("version", "0.0.0"),
        ("profile", "full"),
        ("seed", 8),
        ("subject", "other"),
        ("of", 3),
        ("plan", []),
        ("only", ["ONE-1"]),
    ],
)
def test_shards_of_different_runs_do_not_add_up(place: str, value: object, tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2)
    report = json.loads(files[1].read_text(encoding="utf-8"))
    assert report["shard"][place] != value
    report["shard"][place] = value
    files[1].write_text(json.dumps(report), encoding="utf-8")
    run = merge(*files)
    assert run.returncode == 3
    assert f"{files[1]} is of another " in run.stdout
    assert set(verdicts(merged_report(*files)).values()) == {"UNKNOWN"}


def test_a_report_that_lost_a_check_is_no_part_of_a_whole(tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2)
    report = json.loads(files[1].read_text(encoding="utf-8"))
    report["clauses"] = []
    files[1].write_text(json.dumps(report), encoding="utf-8")
    run = merge(*files)
    assert run.returncode == 3
    assert "no report has fine.second" in run.stdout


def test_a_shard_whose_check_hung_leaves_the_sum_unknown(tmp_path: Path) -> None:
    files = run_shards(tmp_path, 2, *checks("fine", "hang"), modules=("faulty",))
    run = merge(*files)
    assert run.returncode == 3
    assert "no answer within 3 s" in run.stdout
    assert verdicts(merged_report(*files)) == {"ONE-1": "UNKNOWN", "TWO-1": "OK", "THREE-1": "OK", "FOUR-1": "OK"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shard", "0/2"], "0/2 is not I/N with 1 <= I <= N"),
        (["--shard", "3/2"], "3/2 is not I/N"),
        (["--shard", "2"], "2 is not I/N"),
        (["--shard", "1/4"], "there are only 3 checks to share"),
        (["--merge", "/no/such/report.json"], "--merge runs nothing: --checks-from, --clauses-from cannot go with it"),
    ],
)
def test_bad_shards(options: list[str], said: str) -> None:
    run = gate(*options, modules=("fine",))
    assert run.returncode == 2
    assert said in run.stderr.replace("--clauses-from, --checks-from", "--checks-from, --clauses-from")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"shard": {}, "clauses": []}', '{"shard": 3}'])
def test_what_is_no_report_of_a_shard_is_bad_usage(text: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    run = merge(file)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


# A budget of time.


def costing(name: str, limit_s: float, *clauses: str) -> Planned:
    return Planned(f"some.{name}", GROUP, "Fake", clauses, "", "", (limit_s, 1.0))


def test_the_budget_buys_each_clause_its_cheapest_check_first() -> None:
    plan = [
        costing("dear", 100, "A", "B"),
        costing("small", 10, "A"),
        costing("broad", 50, "A", "B", "C"),
        costing("other", 50, "B", "X", "Y"),
        costing("late", 20, "A"),
    ]
    expected = (["small", "broad"], ["late", "dear", "other"])
    for order in (plan, plan[::-1]):
        found = buy(order, ["A", "B", "C", "NONE"], "quick", 3600)
        assert tuple([check.name.removeprefix("some.") for check in wave] for wave in (found.first, found.then)) == expected
        assert found.left_out == []


def test_a_dear_check_on_all_clauses_is_left_out_and_leaves_them_judged() -> None:
    plan = [costing("all", 1000, "A", "B", "C"), costing("a", 10, "A"), costing("b", 10, "B")]
    found = buy(plan, ["A", "B", "C"], "quick", 20)
    assert [check.name for check in (*found.first, *found.then)] == ["some.a", "some.b"]
    assert found.without("A") == ["some.all"]
    assert found.bare(["A", "B", "C"]) == ["C"]


def test_the_gate_says_beforehand_what_sixty_seconds_buy() -> None:
    run = gate("--budget", "60s", "--list", modules=("fine", "partial"))
    assert "the budget of 60 s buys 5 checks on 4 of 4 clauses" in run.stdout


def test_a_budget_that_is_spent_is_no_pass(tmp_path: Path) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "report.xml"
    words = [*checks("hang_long", "last", "fine"), "--budget", "5s", "--json", str(report), "--junit", str(junit)]
    run = gate(*words)
    assert run.returncode == 3
    told = "left out: the budget of 5 s was spent"
    assert f"{told}: faulty.hang_long (was running), faulty.last" in run.stdout
    found = json.loads(report.read_text(encoding="utf-8"))
    assert verdicts(found) == {"ONE-1": "UNKNOWN", "TWO-1": "OK", "THREE-1": "OK", "FOUR-1": "UNKNOWN"}
    said = {check["name"]: check["evidence"] for clause in found["clauses"] for check in clause["checks"]}
    assert said == {"faulty.fine": "1,000 x 50 steps", "faulty.hang_long": told, "faulty.last": told}
    outcomes = cases(validated(junit.read_text(encoding="utf-8")))
    assert [outcomes[f"faulty.{name}"] for name in ("fine", "hang_long", "last")] == ["passed", "error", "error"]


def test_a_budget_spent_before_the_first_check_leaves_every_clause_unknown() -> None:
    run = gate("--budget", "0.001s", "--json", "-", modules=("fine",))
    assert run.returncode == 3
    assert set(verdicts(json.loads(run.stdout)).values()) == {"UNKNOWN"}


def test_a_budget_that_suffices_changes_no_verdict() -> None:
    run = gate("--budget", "0.5h", modules=("fine", "partial"))
    assert run.returncode == 0
    assert "(4 clauses, 5 checks, " in run.stdout
    assert "left out" not in run.stdout


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400)])
def test_a_budget_is_read(text: str, seconds: float) -> None:
    assert parse_budget_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "0s", "-1s", "5 m", "m", "1d", "\u0665m"])
def test_what_is_no_budget_is_bad_usage(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_budget_s(text)


def test_bad_budget() -> None:
    run = gate("--budget", "5", modules=("fine",))
    assert run.returncode == 2
    assert "5 is not a time such as 90s, 5m or 1h" in run.stderr


# The workflow and the page on the gate.

ROOT = Path(__file__).parents[2]
YAML_LINE = re.compile(r"(- )*([\w-]+:( \S.*)?|[\w.\"* -]+)")


def faults_of(text: str) -> list[str]:
    """Check the few things that YAML asks of a file as plain as ours, and that each action has its version."""
    faults: list[str] = []
    block = -1  # the indentation of the key whose text goes on over lines that are indented further
    former = 0
    for line in text.splitlines():
        content = line.lstrip(" ")
        indent = len(line) - len(content)
        if not content or content.startswith("#") or (block >= 0 and indent > block):
            continue
        if not YAML_LINE.fullmatch(content) or indent % 2 or indent > former + 4 or "\t" in line:
            faults.append(line)
        if "uses:" in content and not re.search(r"@v\d+(\.\d+\.\d+)?$", content):
            faults.append(line)
        block = indent if content.endswith((": |", ": >-")) else -1
        former = indent
    return faults


def test_the_workflow_is_sound() -> None:
    text = (ROOT / ".github" / "workflows" / "gate.yml").read_text(encoding="utf-8")
    assert faults_of(text) == []
    for needed in (
        'python: ["3.11", "3.12", "3.13", "3.14", "3.15"]',
        "--profile full --seed ${{ github.run_number }}",
        "python3 .ci/readme_command.py README.md gate",
    ):
        assert needed in text


@pytest.mark.parametrize("planted", ["\tkey: 1", "   odd: 1", "uses: actions/checkout@main", "no key at all {", "key:value"])
def test_a_fault_in_a_workflow_is_found(planted: str) -> None:
    assert faults_of(f"jobs:\n{planted}\n") != []


def test_the_commands_of_the_page_are_understood() -> None:
    page = (ROOT / "specs" / "docs" / "gate.md").read_text(encoding="utf-8")
    commands = re.findall(r"^tidegate verify\b(.*)$", page, re.MULTILINE)
    assert len(commands) == 9
    for words in commands:
        options.verify_parser().parse_args(shlex.split(words, comments=True))  # exits with 2 when it doesn't understand
    for code, verdict in ((0, "OK"), (1, "ILLEGAL"), (2, "bad usage"), (3, "UNKNOWN")):
        assert f"| {code} | {verdict}" in page


# The project's own tests in CI.

PROBE = """
import random
from hypothesis import settings
def test_probe(request):
    now = settings()
    seed = request.config.getoption("--hypothesis-seed")
    assert random.random() == random.Random(seed).random()
    print("PROBE", now.derandomize, now.max_examples, now.database is None, seed)
"""


def probe(folder: Path, *options: str, **more: str) -> list[str]:
    """Run pytest with our conftest.py on one test that tells its settings."""
    (folder / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (folder / "test_probe.py").write_text(PROBE, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider", "--rootdir", str(folder), *options, str(folder)]
    plain = {name: value for name, value in os.environ.items() if name not in {"CI", "HYPOTHESIS_PROFILE", "PYTEST_ADDOPTS"}}
    run = subprocess.run(words, env={**plain, **more}, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"PROBE (.*)", run.stdout)
    assert found is not None
    return found[1].split()


@pytest.mark.parametrize(
    ("options", "environment_profile", "told"),
    [
        ([], "", ["False", "100", "False", "0"]),
        ([], "ci", ["True", "100", "True", "0"]),
        (["--hypothesis-profile=ci"], "nightly", ["True", "100", "True", "0"]),
        (["--hypothesis-seed=7"], "nightly", ["False", "1000", "False", "7"]),
        (["-n", "2", "--hypothesis-seed=7"], "nightly", ["False", "1000", "False", "7"]),
    ],
)
def test_the_profiles_of_hypothesis(options: list[str], environment_profile: str, told: list[str], tmp_path: Path) -> None:
    if "-n" in options:
        pytest.importorskip("xdist", reason="pytest-xdist comes with the dev extra")
    assert probe(tmp_path, *options, HYPOTHESIS_PROFILE=environment_profile) == told


def test_each_night_has_a_seed_of_its_own(tmp_path: Path) -> None:
    seeds = {probe(tmp_path, HYPOTHESIS_PROFILE="nightly")[3] for _ in range(2)}
    assert len(seeds) == 2
