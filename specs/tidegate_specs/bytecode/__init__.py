"""The audit of `offer` by its bytecode: `offer` follows calls, `follow` runs one function, `graph` and `values` serve both."""

from .graph import graph_of
from .offer import OfferReport, audit_offer, package_of
from .values import EXPLICIT, NOWAIT, QUIET

__all__ = ["EXPLICIT", "NOWAIT", "QUIET", "OfferReport", "audit_offer", "graph_of", "package_of"]
