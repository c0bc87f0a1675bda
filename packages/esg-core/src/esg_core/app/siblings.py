"""Whether other processes serve the same application beside this one: what `wsgi.multiprocess` tells (rule I-3)."""

_are_there = False


def expect_siblings() -> None:
    """Say that this process is one of several workers, or one that is replaced while it still serves."""
    global _are_there  # noqa: PLW0603 - it is a fact about the process
    _are_there = True


def has_siblings() -> bool:
    """Whether there may be other processes."""
    return _are_there
