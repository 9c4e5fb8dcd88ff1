"""Adapters that are broken on purpose, one file each, in the form of the kernel's mutants (`tidegate_specs.mutants`).

A patch names its file from the kernel's folder: `Patch("adapters/executor.py", old, new)`. KILLED_BY names checks of the group
`adapters`, each of which must find the fault.
"""
