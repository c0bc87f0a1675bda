"""Both parsers keep the contract of a field parser (rule H-12), and so would any third."""

from importlib import import_module

import pytest

from esg_http.h1.settings import FieldParser
from esg_http.message.field_names import split_fields
from tests.support.http.field_cases import FIELD_CASES
from tests.support.installed import PARSERS

pytestmark = pytest.mark.everywhere

OURS: dict[str, FieldParser] = {
    **{parser: import_module(f"esg_http.h1.codec_{parser}").parse_fields for parser in PARSERS},
    "neither": split_fields,
}


@pytest.mark.parametrize("parser", OURS)
@pytest.mark.parametrize("case", FIELD_CASES)
def test_fields_are_split_and_nothing_else(case: str, parser: str) -> None:
    block, expected = FIELD_CASES[case]
    parsed = OURS[parser](block)
    assert type(parsed) is list
    assert {type(part) for field in parsed for part in field} <= {bytes}
    assert [tuple(field) for field in parsed] == expected
