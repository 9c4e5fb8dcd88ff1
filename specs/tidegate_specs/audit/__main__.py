"""Run the audits alone: `python -m tidegate_specs.audit [MODULE]`."""

import sys

from . import main

if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
