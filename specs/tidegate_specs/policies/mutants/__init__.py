"""Policies that are broken on purpose, one file each, in the form of the kernel's mutants (`tidegate_specs.mutants`).

A patch names its file from the kernel's folder: `Patch("policies/freshness.py", old, new)`. KILLED_BY names checks of the group
`policies`, each of which must find the fault.
"""
