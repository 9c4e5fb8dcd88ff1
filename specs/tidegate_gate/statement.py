"""The conformance statement of a release: what was judged, by what, and the verdict on each clause, in Markdown.

It holds no time, no duration and no measurement, so that the same run of the same version on the same interpreter gives it again.
"""

import platform
import shlex
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from tidegate_specs.check import Verdict
from tidegate_specs.document.cite import TRUSTED, VERSION, content_hash

from .manifest import ADAPTERS, Installed
from .plan import Planned, Request
from .report import ClauseReport

TOOLS: Final = ("crosshair-tool", "hypothesis", "z3-solver")


def as_statement(
    verdict: Verdict, clauses: Sequence[ClauseReport], plan: Sequence[Planned], request: Request, more: Sequence[str] = ()
) -> str:
    """Write the statement on a whole run of the gate: its plan, and the verdicts on all clauses."""
    words = ["tidegate", "verify", "--profile", request.profile, "--seed", str(request.seed), *more, "--statement", "FILE"]
    rows = [
        ("verdict", verdict.value),
        *kernel_rows(),
        ("contract", f"{VERSION}, SHA-256 {content_hash()} (of {', '.join(TRUSTED)}: `tidegate spec --cite`)"),
        ("interpreter", _interpreter()),
        ("tools", ", ".join(f"{tool} {_version(tool)}" for tool in TOOLS)),
        ("run", f"profile {request.profile}, seed {request.seed}, {len(plan)} checks"),
        ("reproduced by", f"`{shlex.join(words)}`"),
    ]
    return "\n".join(
        [
            f"# Conformance of tidegate {VERSION}",
            "",
            "What each clause promises, and what is not claimed, `tidegate spec` tells. UNKNOWN is never a pass.",
            "",
            *_table(("what", "which"), rows),
            "",
            *_table(("clause", "verdict", "rests on (checks)"), [_clause_row(clause, plan) for clause in clauses]),
            "",
            "Checks:",
            "",
            *(f"- {group}: {', '.join(names)}" for group, names in _by_group(plan)),
            "",
        ]
    )


def kernel_rows() -> list[tuple[str, str]]:
    """Name the kernel by its version and the digests that `tidegate vendor` writes of it, without adapters and with all of them."""
    installed = Installed.find()
    return [
        ("kernel", f"{installed.version}, digest {installed.manifest(()).digest}"),
        ("kernel with all adapters", f"{installed.version}, digest {installed.manifest(ADAPTERS).digest}"),
    ]


def _interpreter() -> str:
    lock = "without the GIL" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with the GIL"
    build = f"{platform.python_implementation()} {platform.python_version()}, {lock}, {platform.python_compiler()}"
    return f"{build}, {sys.platform} {platform.machine()}"


def _version(tool: str) -> str:
    try:
        return version(tool)
    except PackageNotFoundError:
        return "(not installed)"


def _clause_row(clause: ClauseReport, plan: Sequence[Planned]) -> tuple[str, str, str]:
    counts = Counter(check.tool for check in plan if clause.id in check.clauses)
    text = ", ".join(f"{tool} {count}" for tool, count in counts.items()) or "none"
    named = sorted({f"{answer.check.name} {answer.verdict.value}" for answer in clause.answers if answer.verdict is not Verdict.OK})
    return clause.id, clause.verdict.value, "; ".join([text, *named])


def _by_group(plan: Sequence[Planned]) -> list[tuple[str, list[str]]]:
    groups = dict.fromkeys(check.group.name for check in plan)
    return [(group, [check.name.partition(".")[2] for check in plan if check.group.name == group]) for group in groups]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
