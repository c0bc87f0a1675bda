"""The page of messages: each message in the packages has a cause and a cure, and no entry outlives its message."""

import pytest

from tools.error_page import causes
from tools.messages import RELAYS, found, messages


def test_each_message_has_a_cause_and_a_cure() -> None:
    """A message without one belongs into tools/messages.toml: `python -m tools.error_page` names it."""
    assert sorted(messages() - causes().keys()) == []


def test_each_entry_is_of_a_message_that_exists() -> None:
    assert sorted(causes().keys() - messages()) == []


@pytest.mark.parametrize("part", [0, 1], ids=["cause", "cure"])
def test_entries_are_sentences(part: int) -> None:
    assert [text for text, entry in causes().items() if not entry[part].endswith(".")] == []


def test_messages_are_found_where_they_are_made() -> None:
    """A text that is only handed on cannot be read there: `RELAYS` says where it is made."""
    assert {message.module for message in found() if message.is_relayed} == RELAYS.keys()


@pytest.mark.parametrize(
    "text",
    [
        "cannot import … …: … has no attribute …",  # raised, with a part that has a name
        "it is in use by another program; stop that or choose another address",  # a reason in a table
        "the key does not belong to the certificate …",  # returned by a function
        "the server refused (…): …",  # made in the error's own class
        "Worker […] … while the server was stopping",  # kept until the end
        "Ending worker […]: its event loop is blocked",  # logged
        "Second signal: stopping at once",  # logged, by the name of a constant
        "there is no directory …",  # of another type of error
    ],
)
def test_every_kind_of_place_is_looked_at(text: str) -> None:
    assert [message for message in messages() if message.endswith(text)] != []
