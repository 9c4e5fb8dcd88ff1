"""The checks of the adapters. They take the implementation as a parameter, as all checks do: `module_of` finds its adapters."""

from typing import Final

from ..check import Check

CHECKS: Final[tuple[Check, ...]] = ()
