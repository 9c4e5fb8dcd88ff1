"""Which Python functions of a class may run when one of its objects dies."""

import types
from operator import attrgetter, methodcaller


def finalisers_of(cls: type) -> dict[str, types.FunctionType]:
    """Give the functions that `__del__` of a class is, or may choose, by name.

    A `__del__` that is a property chooses what to call by reading attributes in C: by `attrgetter`, or by `methodcaller`. Whatever
    functions and further properties of the class they name are followed.
    """
    found: dict[str, types.FunctionType] = {}
    names, seen = ["__del__"], set[str]()
    while names:
        name = names.pop()
        member = getattr(cls, name, None)
        if name in seen:
            continue
        seen.add(name)
        if isinstance(member, types.FunctionType):
            found[name] = member
        elif isinstance(member, property):
            if isinstance(member.fget, types.FunctionType):
                found[name] = member.fget
            elif isinstance(member.fget, (attrgetter, methodcaller)):
                arguments = member.fget.__reduce__()[1]  # how it was made
                names += [part for text in arguments if isinstance(text, str) for part in text.split(".")]
    return found
