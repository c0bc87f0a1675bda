"""Reads names from a command line."""

import argparse
from collections.abc import Callable, Iterable


def one_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A parser for names separated by commas."""

    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := set(found).difference(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return found

    return names
