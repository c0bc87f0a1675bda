"""The questions that a parent has put to its workers: collects their answers, and waits for none of them for long.

Knows neither sockets nor clocks: it is told what has come and what time it is (rule M-5).
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from esg_core.admin.contracts import PATIENCE, Answer, Question
from esg_core.monitoring.inspection import from_answer


class Asked(Protocol):
    """A worker that is asked."""

    pid: int
    slot: int


Answered = Callable[[Sequence[Answer]], None]


class _Open:
    """One question, and what each of those that were asked has answered so far."""

    def __init__(self, question: Question, workers: Iterable[Asked], answered: Answered, until: float) -> None:
        self.question = question
        self.missing = set(workers)
        self.answers = {worker: Answer(worker.slot, worker.pid, None) for worker in self.missing}
        self.answered = answered
        self.until = until

    def take(self, worker: Asked, content: Mapping[str, Any] | None) -> None:
        if worker in self.missing:
            self.missing.discard(worker)
            self.answers[worker] = Answer(worker.slot, worker.pid, content)

    def finish(self) -> None:
        answers = sorted(self.answers.values())
        try:
            self.answered(answers)
        except Exception as error:  # noqa: BLE001 - a worker of another version may have said anything
            logger = logging.getLogger("esg.error")
            logger.error("The answers of the workers make no sense: %r", error)  # noqa: TRY400 - the error says it all
            self.answered([one._replace(content=None) for one in answers])


class Questions:
    """All questions that are open."""

    def __init__(self) -> None:
        self._open: list[_Open] = []

    @property
    def wakes_at(self) -> float:
        """When the first of them has waited long enough; `math.inf` for never."""
        return min((one.until for one in self._open), default=math.inf)

    def ask(self, question: Question, workers: Iterable[Asked], answered: Answered, now: float) -> None:
        """These workers have been asked; `answered` gets what they say within `PATIENCE` seconds."""
        self._open.append(_Open(question, workers, answered, now + PATIENCE))
        self.run_due(now)

    def take(self, worker: Asked, answer: bytes) -> None:
        """A worker has answered; an answer to nothing that is open is dropped."""
        try:
            question, content = from_answer(answer)
        except (ValueError, RecursionError):
            return
        for one in self._open:
            if one.question is question:
                one.take(worker, content)

    def gone(self, worker: Asked) -> None:
        """A worker has ended, and will not answer."""
        for one in self._open:
            one.take(worker, None)

    def run_due(self, now: float) -> None:
        """Give the answers to questions that are answered, or have waited long enough."""
        done = [one for one in self._open if not one.missing or now >= one.until]
        self._open = [one for one in self._open if one not in done]
        for one in done:
            one.finish()
