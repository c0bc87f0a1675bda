"""M-5: questions to workers, with a clock that the test moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esg_core.admin.contracts import PATIENCE, Answer, Question
from esg_core.monitoring.inspection import from_answer, to_answer
from esg_core.monitoring.questions import Questions


@dataclass(eq=False)
class Worker:
    slot: int
    pid: int


ONE, TWO = Worker(0, 71), Worker(1, 72)

STACKS = {"threads": [{"name": "main\x12\n", "stack": "…"}], "tasks": []}


class Asked:
    """A question that has been put to both workers at the time 0."""

    def __init__(self, question: Question = Question.STACKS, workers: Sequence[Worker] = (ONE, TWO)) -> None:
        self.questions = Questions()
        self.answers: list[Sequence[Answer]] = []
        self.questions.ask(question, workers, self.answers.append, 0.0)


def test_m5_all_have_answered() -> None:
    asked = Asked()
    assert asked.questions.wakes_at == PATIENCE
    asked.questions.take(TWO, to_answer(Question.STACKS, STACKS))
    asked.questions.take(ONE, to_answer(Question.STACKS, {"threads": [], "tasks": []}))
    asked.questions.run_due(0.1)
    assert asked.answers == [[Answer(0, 71, {"threads": [], "tasks": []}), Answer(1, 72, STACKS)]]
    assert asked.questions.wakes_at == math.inf


def test_m5_silence_is_an_answer_after_a_while() -> None:
    asked = Asked()
    asked.questions.take(TWO, to_answer(Question.STACKS, STACKS))
    asked.questions.run_due(PATIENCE - 0.01)
    assert asked.answers == []
    asked.questions.run_due(PATIENCE)
    assert asked.answers == [[Answer(0, 71, None), Answer(1, 72, STACKS)]]
    asked.questions.take(ONE, to_answer(Question.STACKS, STACKS))
    asked.questions.run_due(PATIENCE + 1)
    assert len(asked.answers) == 1


def test_m5_nobody_waits_for_a_worker_that_has_ended() -> None:
    asked = Asked()
    asked.questions.gone(ONE)
    asked.questions.gone(TWO)
    asked.questions.run_due(0.0)
    assert asked.answers == [[Answer(0, 71, None), Answer(1, 72, None)]]


def test_m5_without_workers_the_answer_is_there_at_once() -> None:
    assert Asked(workers=()).answers == [[]]


def test_m5_an_answer_to_another_question_and_nonsense_do_not_count() -> None:
    asked = Asked()
    for answer in (to_answer(Question.REQUESTS, {}), b"", b"[", b"[1,2]", b'["stacks"]', b"\xff", b"[" * 100_000):
        asked.questions.take(ONE, answer)
    asked.questions.run_due(0.1)
    assert asked.answers == []


def test_m5_answers_that_cannot_be_shown_count_as_silence() -> None:
    found: list[Sequence[Answer]] = []

    def show(answers: Sequence[Answer]) -> None:
        if any(answer.content is not None for answer in answers):
            raise TypeError("of another version")
        found.append(answers)

    questions = Questions()
    questions.ask(Question.STACKS, [ONE], show, 0.0)
    questions.take(ONE, to_answer(Question.STACKS, STACKS))
    questions.run_due(0.1)
    assert found == [[Answer(0, 71, None)]]


def test_m5_an_answer_has_no_control_characters() -> None:
    encoded = to_answer(Question.STACKS, STACKS)
    assert min(encoded) >= 0x20
    expected: tuple[Question, Any] = (Question.STACKS, STACKS)
    assert from_answer(encoded) == expected
