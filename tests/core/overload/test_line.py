"""The line of those who wait: whose turn it is, and who gives way (rule A-6)."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.overload.line import Line


@dataclass(frozen=True)
class Waits:
    """A request by its name: the connection is its first letter."""

    name: str

    @property
    def connection(self) -> str:
        return self.name[0]


def line(*names: str) -> Line[Waits]:
    found: Line[Waits] = Line()
    for at, name in enumerate(names):
        found.join(Waits(name), float(at))
    return found


def order(found: Line[Waits]) -> list[str]:
    """Everyone, as their turns come."""
    return [found.next()[0].name for _ in range(len(found.came))]


@pytest.mark.parametrize(
    ("came", "go"),
    [
        ("a b c", "a b c"),
        ("a1 a2 a3 b1 b2 c1", "a1 b1 c1 a2 b2 a3"),
        ("b1 a1 a2 a3", "b1 a1 a2 a3"),
    ],
    ids=["each its own", "in turns", "nobody else left"],
)
def test_connections_take_turns(came: str, go: str) -> None:
    assert order(line(*came.split())) == go.split()


def test_who_comes_again_has_its_turn_after_all_others() -> None:
    found = line("a1", "b1", "b2")
    assert found.next() == (Waits("a1"), 0)
    found.join(Waits("a2"), 3)
    assert order(found) == ["b1", "a2", "b2"]


def test_anyone_may_leave() -> None:
    found = line("a1", "a2", "b1", "b2")
    assert [found.leave(Waits(name)) for name in ("a1", "b1", "b2", "b2", "x1")] == [0, 2, 3, None, None]
    assert (order(found), dict(found.came)) == (["a2"], {})


@pytest.mark.parametrize(
    ("came", "newcomer", "gives_way"),
    [
        ("", "a1", None),
        ("a1 b1 c1", "d1", None),
        ("a1 a2 b1", "c1", "a2"),
        ("a1 a2 b1", "b2", None),
        ("a1 a2 a3 b1", "b2", "a3"),
        ("a1 a2 a3", "a4", None),
        ("a1 a2 b1 b2 b3", "c1", "b3"),
    ],
)
def test_a_full_line_is_shared_equally(came: str, newcomer: str, gives_way: str | None) -> None:
    given_up = line(*came.split()).gives_way_to(Waits(newcomer))
    assert (None if given_up is None else given_up.name) == gives_way


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["come", "leave", "next"])), max_size=40))
def test_nobody_is_lost_and_nobody_waits_for_more_than_one_of_each_other(acts: list[tuple[str, str]]) -> None:
    """However they come and go: a round has one of each connection that waited at its beginning."""
    found, there = line(), list[str]()
    for number, (connection, act) in enumerate(acts):
        own = [name for name in there if name[0] == connection]
        if act == "come":
            found.join(Waits(f"{connection}{number}"), number)
            there.append(f"{connection}{number}")
        elif act == "leave" and own:
            assert found.leave(Waits(own[-1])) is not None
            there.remove(own[-1])
        elif act == "next" and there:
            waiter, _ = found.next()
            assert waiter.name == next(name for name in there if name[0] == waiter.connection)
            there.remove(waiter.name)
    assert [waiter.name for waiter in found.came] == there
    round_of = {name[0] for name in there}
    assert {found.next()[0].connection for _ in round_of} == round_of
