"""Which modules and folders of a package import which others."""

from collections.abc import Iterable, Mapping
from functools import cache

from tests.support.source_tree import all_imports, module_names, modules


@cache
def graph_of(package: str) -> dict[str, set[str]]:
    """Which modules of the package each of them imports, anywhere and for any purpose."""
    names = module_names()
    return {
        module.name: {
            target
            for found in all_imports(module)
            for target in found.targets(names)
            if target.partition(".")[0] == package and target != module.name
        }
        for module in modules()
        if module.package == package
    }


def of_siblings(graph: Mapping[str, Iterable[str]]) -> dict[str, dict[str, set[str]]]:
    """For each folder, which of the modules and folders in it import which of the others.

    An import counts in the folder where the paths of its two ends part, as one between what is directly in there.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for module, targets in graph.items():
        for target in targets:
            here, there = module.split("."), target.split(".")
            depth = next(
                (at for at, (one, other) in enumerate(zip(here, there, strict=False)) if one != other),
                min(len(here), len(there)),
            )
            if depth < min(len(here), len(there)):
                siblings = found.setdefault(".".join(here[:depth]), {})
                siblings.setdefault(here[depth], set()).add(there[depth])
                siblings.setdefault(there[depth], set())
    return found
