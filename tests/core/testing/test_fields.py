"""The contract of parsers of header fields, checked on parsers that keep it and on some that do not."""

from collections.abc import Callable

import pytest

from esg_core.asgi import Headers
from esg_core.testing import FIELD_CHECKS, FieldCheck, FieldParser, check_field_parser


def by_hand(block: bytes) -> Headers:
    lines = (line.partition(b":") for line in block.split(b"\r\n")[:-1])
    return [(name.lower(), value.strip(b" \t")) for name, _, value in lines]


def change(fields: Callable[[Headers], object]) -> FieldParser:
    return lambda block: fields(by_hand(block))  # type: ignore[return-value]  # what a wrong parser returns is its own


@pytest.mark.parametrize("check", FIELD_CHECKS, ids=lambda check: check.name)
def test_a_parser_that_keeps_the_contract_passes(check: FieldCheck) -> None:
    assert check.run(by_hand) is None


def test_all_checks_pass_together() -> None:
    check_field_parser(by_hand)


def test_names_of_checks_are_unique() -> None:
    assert len({check.name for check in FIELD_CHECKS}) == len(FIELD_CHECKS)


@pytest.mark.parametrize(
    ("parse", "complaint"),
    [
        (change(dict), "must be a list"),
        (change(lambda fields: [(name.decode("latin-1"), value) for name, value in fields]), "pairs of bytes"),
        (change(lambda fields: fields[::-1]), "repeated fields in order: must be"),
        (
            change(lambda fields: [(name, value.strip()) for name, value in fields] + [(b"x", b"y")]),
            "no fields: must be []",
        ),
        (change(lambda fields: [(name.replace(b"_", b"-"), value) for name, value in fields]), "underscores"),
        (change(lambda fields: list(dict.fromkeys(fields))), "the same content-length twice"),
        (change(lambda fields: [(name, value.lower()) for name, value in fields]), "in other letters"),
        (change(lambda fields: fields[:100]), "130 fields"),
        (lambda block: [(b"a", b"%d" % int(block))], "raises ValueError"),
    ],
)
def test_a_parser_that_breaks_it_is_told_where(parse: FieldParser, complaint: str) -> None:
    with pytest.raises(AssertionError) as raised:
        check_field_parser(parse)
    assert complaint in str(raised.value)
    assert "checks fail" in str(raised.value)
