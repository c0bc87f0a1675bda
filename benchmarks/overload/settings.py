"""The options of the servers that an experiment limits, by their names in a program."""

from collections.abc import Mapping

HIGHEST = 10
"""Requests that may run at once: if as many may wait, none is late by more than half a second."""

WINDOW = 0.25
"""Seconds between two moves of the limit."""

LIMITED: Mapping[str, object] = {
    "backpressure": True,
    "backpressure_max_limit": HIGHEST,
    "backpressure_queue_size": HIGHEST,
    "backpressure_sample_window": WINDOW,
    "health": True,
}

DEADLINE = 3
"""Seconds for heads, bodies and writing: short, to keep the experiments short."""

DEADLINES: Mapping[str, object] = dict.fromkeys(
    ("timeout_request_headers", "timeout_request", "timeout_write", "timeout_keep_alive"), DEADLINE
)


def as_options(settings: Mapping[str, object]) -> list[str]:
    """The same on the command line."""
    words = []
    for name, value in settings.items():
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return words
