"""Puts the functions of a mutant in the place of those of its module, which is imported already."""

import gc
from collections.abc import Iterator, Sequence
from inspect import CO_OPTIMIZED
from types import CodeType, FunctionType

Changed = tuple[CodeType, CodeType]
"""The code of a function, before and after."""


def changed_functions(module: CodeType, mutant: CodeType) -> list[Changed] | None:
    """The functions that differ; None if something else differs, which happens when the module is imported."""
    if module.co_flags & CO_OPTIMIZED:  # a function: modules and classes are without
        return None if module.co_freevars != mutant.co_freevars else [(module, mutant)] * (module != mutant)
    if _own(module) != _own(mutant):
        return None
    found: list[Changed] = []
    for before, after in zip(_nested(module), _nested(mutant), strict=True):
        changed = changed_functions(before, after)
        if changed is None:
            return None
        found += changed
    return found


def swap(module: str, changed: Sequence[Changed]) -> None:
    """Change these functions of a module."""
    gc.unfreeze()  # else what the tests have set aside is not found
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and found.__module__ == module:
            found.__code__ = next((after for before, after in changed if found.__code__ == before), found.__code__)


def _own(code: CodeType) -> tuple[object, ...]:
    """What a module or a class does itself, apart from what its functions do."""
    return code.co_code, code.co_names, [(type(one), one) for one in code.co_consts if not isinstance(one, CodeType)]


def _nested(code: CodeType) -> Iterator[CodeType]:
    return (one for one in code.co_consts if isinstance(one, CodeType))
