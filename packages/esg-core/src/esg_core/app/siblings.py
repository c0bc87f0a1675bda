"""Knows whether other processes serve the same application: what `wsgi.multiprocess` says (rule I-3)."""

_are_there = False


def expect_siblings() -> None:
    """Note that this process is one of several workers, or one that is replaced while it still serves."""
    global _are_there  # noqa: PLW0603 - a fact about the whole process
    _are_there = True


def has_siblings() -> bool:
    """Whether there may be other processes."""
    return _are_there
