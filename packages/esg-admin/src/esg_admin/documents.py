"""Makes the documents of `/stacks` and `/requests` from the answers of the processes.

Knows only what it sorts by: another version of ESG may have written the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from esg_core.admin.contracts import Answer, Question


def stacks(answers: Sequence[Answer]) -> Mapping[str, Any]:
    """The threads and tasks of each process; see `StacksDocument`."""
    processes = [{**one.content, **_process(one)} for one in answers if one.content is not None]
    return {"processes": processes, "silent": _silent(answers)}


def requests(answers: Sequence[Answer]) -> Mapping[str, Any]:
    """What runs in all processes, oldest first, and what ended, last first; see `RequestsDocument`."""
    return {
        "running": _merged(answers, "running", by="seconds"),
        "ended": _merged(answers, "ended", by="at"),
        "silent": _silent(answers),
    }


DOCUMENTS: Mapping[Question, Callable[[Sequence[Answer]], Mapping[str, Any]]] = {
    Question.STACKS: stacks,
    Question.REQUESTS: requests,
}
"""How the answers to each question become one document."""


def _merged(answers: Iterable[Answer], name: str, *, by: str) -> list[Mapping[str, Any]]:
    """The items that all processes list under `name`, the greatest first."""
    items = [{**item, **_process(one)} for one in answers for item in (one.content or {}).get(name, ())]
    return sorted(items, key=lambda item: item.get(by) or 0, reverse=True)


def _silent(answers: Iterable[Answer]) -> list[Mapping[str, int]]:
    return [_process(one) for one in answers if one.content is None]


def _process(answer: Answer) -> Mapping[str, int]:
    return {"worker": answer.worker, "pid": answer.pid}
