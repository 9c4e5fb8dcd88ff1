"""How to cite the specification: its version, and a hash of the files that have to be trusted."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final

from tidegate import __version__

VERSION: Final = __version__
# What a reader has to agree with; all else is checked against it.
TRUSTED: Final = ("machine.py", "clauses.py", "net.py")
TITLE: Final = "tidegate: a formally specified bounded intake"
AUTHORS: Final = "tidegate contributors"
DATE: Final = "2026-11-27"  # of this version of the specification
REPOSITORY: Final = "https://github.com/tidegate/tidegate"
LICENSE: Final = "MIT"
ABSTRACT: Final = (
    "An executable specification of a bounded intake: a state machine, a contract of clauses as predicates, and a net that a "
    "kernel for CPython refines."
)
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # as BibTeX names them
REPRODUCE: Final = f"cd specs/tidegate_specs && sha256sum {' '.join(TRUSTED)} | sha256sum"


def content_hash(folder: Path = Path(__file__).parents[1]) -> str:
    """Give the SHA-256 of what `sha256sum` prints of the trusted files, in their order."""
    lines = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in TRUSTED]
    return sha256("".join(lines).encode()).hexdigest()


def citation() -> str:
    """Give the text of CITATION.cff, in the Citation File Format 1.2.0."""
    return f"""\
cff-version: 1.2.0
message: If you use this specification, please cite it as below.
type: software
title: "{TITLE}"
abstract: "{ABSTRACT}"
version: "{VERSION}"
date-released: "{DATE}"
repository-code: "{REPOSITORY}"
license: {LICENSE}
authors:
  - name: {AUTHORS}
keywords:
  - backpressure
  - bounded queue
  - formal specification
  - load shedding
  - overload
identifiers:
  - type: other
    value: "sha256:{content_hash()}"
    description: "SHA-256 of what sha256sum prints of {", ".join(TRUSTED)}, in this order"
"""


def bibtex() -> str:
    """Give the same as an entry of a BibTeX file: of biblatex's type for software, which older styles print as `misc`."""
    released = date.fromisoformat(DATE)
    return f"""\
@software{{tidegate-{VERSION},
  author  = {{{{{AUTHORS}}}}},
  title   = {{{{{TITLE}}}}},
  version = {{{VERSION}}},
  year    = {{{released.year}}},
  month   = {_MONTHS[released.month - 1]},
  url     = {{{REPOSITORY}}},
  license = {{{LICENSE}}},
  note    = {{SHA-256 of what sha256sum prints of {", ".join(TRUSTED)}, in this order: {content_hash()}}},
}}
"""
