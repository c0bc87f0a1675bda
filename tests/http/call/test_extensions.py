"""The messages of ASGI's extensions, over a stream that only listens (rule H-14)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import ApplicationError
from esg_core.testing import ManualLoop
from tests.http.misbehaviour.case import body, length, start
from tests.support.http.streams import CycleOnPaper


@pytest.fixture
def paper() -> Iterator[CycleOnPaper]:
    with ManualLoop() as loop:
        yield CycleOnPaper(loop)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    return path


def message(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"http.response.{kind}", **more}


def test_trailers_are_the_end(paper: CycleOnPaper) -> None:
    """H-14: and its body is not."""
    paper.send(start(trailers=True), body(b"a"))
    assert paper.said == [("respond", 200, b"a", False)]
    paper.send(message("trailers", headers=[(b"X", b"y")], more_trailers=True), message("trailers"))
    assert paper.said == [("trailers", [(b"X", b"y")], False), ("trailers", [], True), ("finished",)]


@pytest.mark.parametrize("before", [[], [start()], [start(), body(b"a", more_body=True)], [start(), body()]])
def test_trailers_that_were_not_announced(paper: CycleOnPaper, before: list[Any]) -> None:
    """H-10: they have one place."""
    paper.send(*before)
    with pytest.raises(ApplicationError, match="H-10"):
        paper.send(message("trailers", headers=[]))


def test_early_hints_come_before_everything(paper: CycleOnPaper) -> None:
    """H-14: until the first byte of the response."""
    paper.send(message("early_hint", links=[b"a", b"b"]), start(), message("early_hint", links=[]))
    assert paper.said == [("inform", 103, [(b"link", b"a"), (b"link", b"b")]), ("inform", 103, [])]
    paper.send(body(b"a", more_body=True))
    with pytest.raises(ApplicationError, match="H-10"):
        paper.send(message("early_hint", links=[]))


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path(paper: CycleOnPaper, path: Path, as_text: bool) -> None:
    """H-14: the whole response body, after its head."""
    paper.send(start(headers=length(b"10")), message("pathsend", path=str(path) if as_text else path))
    assert paper.said == [
        ("respond", 200, b"", False),
        ("file", b"0123456789"),
        ("send", b"", True),
        ("finished",),
    ]


def test_a_path_without_a_body(path: Path) -> None:
    """H-3: it is still opened and counted."""
    with ManualLoop() as loop:
        paper = CycleOnPaper(loop, "HEAD")
        paper.send(start(headers=length(b"10")), message("pathsend", path=str(path)))
        assert paper.said == [("respond", 200, b"", False), ("send", b"", True), ("finished",)]


@pytest.mark.parametrize(("size", "said"), [(b"9", "longer"), (b"11", "shorter")])
def test_a_path_of_another_length(paper: CycleOnPaper, path: Path, size: bytes, said: str) -> None:
    """H-3."""
    with pytest.raises(ApplicationError, match=said):
        paper.send(start(headers=length(size)), message("pathsend", path=str(path)))
    assert ("finished",) not in paper.said


def test_a_path_that_follows_a_part(paper: CycleOnPaper, path: Path) -> None:
    """H-10: in ASGI it takes the place of a body."""
    paper.send(start(), body(b"a", more_body=True))
    with pytest.raises(ApplicationError, match="H-10"):
        paper.send(message("pathsend", path=str(path)))


@pytest.mark.parametrize(
    ("given", "sent", "position"),
    [
        ({}, b"3456789", 10),
        ({"count": 2}, b"34", 5),
        ({"offset": 8}, b"89", 3),
        ({"offset": 1, "count": 3}, b"123", 3),
        ({"offset": 10}, b"", 3),
        ({"offset": 20}, b"", 3),
    ],
)
def test_a_descriptor(paper: CycleOnPaper, path: Path, given: dict[str, int], sent: bytes, position: int) -> None:
    """H-14: from an offset, or from the file's position, which then moves."""
    with path.open("rb", buffering=0) as file:
        file.seek(3)
        paper.send(start(), message("zerocopysend", file=file.fileno(), more_body=True, **given))
        assert file.tell() == position
    assert paper.said == [("respond", 200, b"", False), *([("file", sent)] if sent else [])]
    paper.send(body())
    assert paper.said == [("send", b"", True), ("finished",)]


def test_a_descriptor_stays_open(paper: CycleOnPaper, path: Path) -> None:
    """H-14: it belongs to the application, whether it is given as a number or as a file."""
    with path.open("rb") as file:
        paper.send(start(), message("zerocopysend", file=file, count=1, more_body=True))
        paper.send(message("zerocopysend", file=file.fileno(), offset=0))
        assert not file.closed
        assert file.read(1) == b"1"
    assert paper.said[-1] == ("finished",)
