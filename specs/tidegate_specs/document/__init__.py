"""The specification as a document: for a terminal, as one page with drawings, as a TLA+ module, and as a citation.

All of it is generated from the definitions: nothing is told here that could drift from them.
"""
