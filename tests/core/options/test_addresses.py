"""How the option `bind` writes addresses."""

import pytest

from esg_core.options.addresses import Address, Descriptor, TCPAddress, UnixAddress, is_address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", TCPAddress("127.0.0.1", 0)),
        ("localhost:65535", TCPAddress("localhost", 65535)),
        ("[::1]:8000", TCPAddress("::1", 8000)),
        ("[fe80::1%eth0]:80", TCPAddress("fe80::1%eth0", 80)),
        ("unix:/run/esg.sock", UnixAddress("/run/esg.sock")),
        ("unix:esg.sock", UnixAddress("esg.sock")),
        ("fd://0", Descriptor(0)),
        ("fd://17", Descriptor(17)),
    ],
)
def test_an_address_is_parsed_and_written_the_same(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "8000", ":8000", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:http",
        "::1:8000", "[::1]", "[localhost]:80", "a b:80", "http://localhost:80", "unix:", "fd://", "fd://a",
        "localhost:\u0664",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        parse_address(text)
