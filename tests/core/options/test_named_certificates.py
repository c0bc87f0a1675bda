"""The option `ssl_sni`: its form, and which certificate a client gets."""

import os

import pytest

from esg_core.options.named_certificates import ByName, NamedCertificate, is_named_certificate, parse_named_certificate


@pytest.mark.skipif(os.pathsep != ":", reason="on Windows a semicolon stands between the paths")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.example=/etc/a.pem:/etc/a.key", ("a.example", "/etc/a.pem", "/etc/a.key")),
        ("A.Example=a.pem", ("a.example", "a.pem", None)),
        ("*.example.org=a.pem:a.key", ("*.example.org", "a.pem", "a.key")),
        ("localhost=a=b.pem", ("localhost", "a=b.pem", None)),
        ("xn--bcher-kva.example=a.pem", ("xn--bcher-kva.example", "a.pem", None)),
    ],
)
def test_form(text: str, expected: tuple[str, str, str | None]) -> None:
    assert is_named_certificate(text)
    assert parse_named_certificate(text) == NamedCertificate(*expected)


@pytest.mark.parametrize(
    "text",
    ["", "a.example", "a.example=", "=a.pem", "a.example=:a.key", "a.example=a.pem:", "*=a.pem", "a.*=a.pem", "a b=a"],
)
def test_what_is_no_form(text: str) -> None:
    assert not is_named_certificate(text)
    with pytest.raises(ValueError, match="is not HOST=CERT:KEY"):
        parse_named_certificate(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.example", 1),
        ("A.EXAMPLE.", 1),
        ("b.example", 2),
        ("c.b.example", None),
        ("example", None),
        ("", None),
        (None, None),
    ],
)
def test_the_more_exact_name_counts(name: str | None, expected: int | None) -> None:
    """RFC 6125 section 6.4.3: a star is one label."""
    assert ByName([("a.example", 1), ("*.example", 2)])[name] == expected
