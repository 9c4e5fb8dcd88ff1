"""Change the kernel's source in every small way that a list of operators knows, and show that the gate notices.

The mutants in `tidegate_specs.mutants` are faults that a person would make; these are made without asking what a person would do,
so none is left out. Each is judged by the checks of the quick gate. One that no check notices is a survivor: it needs a new check,
or a reason why nobody can tell it from the kernel, in `tests/mutation/equivalent.toml`.
"""
