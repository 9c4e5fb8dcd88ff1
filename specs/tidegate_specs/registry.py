"""Every clause that the gate judges: the contract's, then the adapters'."""

from typing import Final

from .adapters import clauses as adapters
from .clauses import CLAUSES as CONTRACT
from .clauses import Clause

CLAUSES: Final[tuple[Clause, ...]] = (*CONTRACT, *adapters.CLAUSES)
ADAPTER_IDS: Final = frozenset(clause.id for clause in adapters.CLAUSES)
