"""Record how many points the sweeps visit on this interpreter: see `points`."""

from . import CHECKS
from .points import main

main(CHECKS)
