"""Every clause that the gate judges: the contract's, then the adapters' and the policies'."""

from typing import Final

from .adapters import clauses as adapters
from .clauses import CLAUSES as CONTRACT
from .clauses import Clause
from .policies import clauses as policies

CLAUSES: Final[tuple[Clause, ...]] = (*CONTRACT, *adapters.CLAUSES, *policies.CLAUSES)
ADAPTER_IDS: Final = frozenset(clause.id for clause in adapters.CLAUSES)
POLICY_IDS: Final = frozenset(clause.id for clause in policies.CLAUSES)
AROUND_IDS: Final = ADAPTER_IDS | POLICY_IDS  # what a copy of the core alone has nothing of
