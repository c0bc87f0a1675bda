"""Both parsers keep the contract of a field parser (rule H-12), and so would any third."""

import pytest

import esg_http.h1.codec_h11
import esg_http.h1.codec_httptools
from esg_core.testing import FIELD_CHECKS, FieldCheck, FieldParser
from esg_http.message.field_names import split_fields

PARSERS: dict[str, FieldParser] = {
    "httptools": esg_http.h1.codec_httptools.parse_fields,
    "h11": esg_http.h1.codec_h11.parse_fields,
    "neither": split_fields,
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("check", FIELD_CHECKS, ids=lambda check: check.name)
def test_fields_are_split_and_nothing_else(check: FieldCheck, parser: str) -> None:
    assert check.run(PARSERS[parser]) is None
