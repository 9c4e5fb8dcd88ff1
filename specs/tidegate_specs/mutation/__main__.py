"""Run one mutant under one group of checks in this process (names on stdin), as `tidegate mutants` starts it."""

import os
import sys

from . import main

if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that a check left behind must not keep the process
