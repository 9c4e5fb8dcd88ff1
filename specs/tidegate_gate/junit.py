"""The report as JUnit XML: a test suite for each group, a test case for each check, so that every fault is counted once.

ILLEGAL is a failure and UNKNOWN an error, with the witness and the command that replays it; a check that was not chosen is skipped.
A clause that no check bears on is an error of its own: the file is without failures and errors exactly when the gate is OK.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line, plain_text

from .plan import Answer, Planned, Request
from .report import ClauseReport, Level, account_of, finding, is_excused, replay_command

_TAGS = {Verdict.ILLEGAL: "failure", Verdict.UNKNOWN: "error"}
_COUNTED = (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def as_junit(
    clauses: Sequence[ClauseReport],
    answers: Sequence[Answer],
    skipped: Iterable[tuple[Planned, str]],
    request: Request,
    more: Sequence[str] = (),
    faults: Sequence[str] = (),
    levels: Iterable[Level] = (),
    standing: tuple[str, Verdict] | tuple[()] = (),
) -> str:
    """Write what was answered, the checks that were not chosen with the reason why, and what else is amiss, as JUnit XML."""
    suites: dict[str, ET.Element] = {}
    if standing:
        _add_level(_suite(suites, request, "levels"), Level("level", standing[1], standing[0], standing[0]))
    for level in levels:
        _add_level(_suite(suites, request, "vendored"), level)
    for answer in answers:
        _add_answer(_suite(suites, request, answer.check.group.name), answer, request, more, excused=is_excused(answer, clauses))
    for check, reason in skipped:
        ET.SubElement(_case(_suite(suites, request, check.group.name), check.name, 0.0), "skipped", message=one_line(reason))
    lacking = [clause for clause in clauses if not clause.answers or (clause.expected and clause.counts is Verdict.ILLEGAL)]
    amiss = [(clause.id, f"{clause.id}: {clause.evidence}") for clause in lacking]
    for name, message in [*amiss, *((f"merge.{number}", fault) for number, fault in enumerate(faults, 1))]:
        case = _case(_suite(suites, request, "clauses"), name, 0.0)
        ET.SubElement(case, "error", message=one_line(message), type=Verdict.UNKNOWN.value)
    root = ET.Element("testsuites", name=f"tidegate verify {request.subject}")
    root.extend(suites.values())
    for element in (root, *suites.values()):
        _add_up(element)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(("<?xml version='1.0' encoding='utf-8'?>\n", "\n"))


def _suite(suites: dict[str, ET.Element], request: Request, name: str) -> ET.Element:
    """Give the suite of a group, which names what is judged: its name is the class of each of its cases."""
    return suites.setdefault(name, ET.Element("testsuite", name=f"{one_line(request.subject)}.{name}"))


def _case(suite: ET.Element, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=name, time=f"{seconds:.3f}")


def _add_answer(suite: ET.Element, answer: Answer, request: Request, more: Sequence[str], *, excused: bool) -> None:
    case = _case(suite, answer.check.name, answer.seconds)
    clauses = ", ".join(answer.accused or answer.check.clauses)
    if answer.verdict is not Verdict.OK:
        message = one_line(f"{'expected' if excused else answer.verdict.value}: {finding(answer)} ({clauses})", 1_000)
        if excused:
            told = ET.SubElement(case, "skipped", message=message)
        else:
            told = ET.SubElement(case, _TAGS[answer.verdict], message=message, type=answer.verdict.value)
        account = plain_text(account_of(answer, answer.accused)).rstrip()
        told.text = f"{account}\nreplay: {replay_command(answer, request, more)}".lstrip()
    ET.SubElement(case, "system-out").text = f"bears on {', '.join(answer.check.clauses)}: {one_line(answer.evidence)}"


def _add_level(suite: ET.Element, level: Level) -> None:
    case = _case(suite, level.name, 0.0)
    if level.verdict is None:
        ET.SubElement(case, "skipped", message=one_line(f"not run: {level.evidence}"))
    elif level.verdict is not Verdict.OK:
        message = one_line(f"{level.verdict.value}: {level.evidence}", 1_000)
        ET.SubElement(case, _TAGS[level.verdict], message=message, type=level.verdict.value).text = plain_text(level.witness)
    ET.SubElement(case, "system-out").text = one_line(level.evidence)


def _add_up(element: ET.Element) -> None:
    for attribute, tag in _COUNTED:
        element.set(attribute, str(sum(1 for _ in element.iter(tag))))
    element.set("time", f"{sum(float(case.attrib['time']) for case in element.iter('testcase')):.3f}")
