"""Both parsers keep the contract of a field parser (rule H-12), and so would any third."""

import pytest

import esg_http.h1.codec_h11
import esg_http.h1.codec_httptools
from esg_http.h1.settings import FieldParser
from esg_http.message.field_names import split_fields
from tests.support.http.field_cases import FIELD_CASES

PARSERS: dict[str, FieldParser] = {
    "httptools": esg_http.h1.codec_httptools.parse_fields,
    "h11": esg_http.h1.codec_h11.parse_fields,
    "neither": split_fields,
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", FIELD_CASES)
def test_fields_are_split_and_nothing_else(case: str, parser: str) -> None:
    block, expected = FIELD_CASES[case]
    parsed = PARSERS[parser](block)
    assert type(parsed) is list
    assert {type(part) for field in parsed for part in field} <= {bytes}
    assert [tuple(field) for field in parsed] == expected
