"""Run the benchmark without the command line: `python -m tidegate_stress.bench`."""

import sys

from . import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
