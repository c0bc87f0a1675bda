"""What counts as one client (rule A-11)."""

import pytest

from esg_http.call.client_networks import client_of

SAME = [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::ffff:c000:201", "192.0.2.1"),
    ("64:ff9b::192.0.2.1", "192.0.2.1"),
    ("::1", "0:0:0:0:0:0:0:1"),
]

OTHER = [
    ("192.0.2.1", "192.0.2.2"),
    ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"),
    ("fe80::1", "fe80::2"),
    ("febf::1", "febf::2"),
    ("fe80::1%eth0", "fe80::1%eth1"),
    ("unknown", "_hidden"),
    ("a:b", "a:c"),
    ("\0:", "\ud800:"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a11_one_client(one: str, other: str) -> None:
    assert client_of(one) == client_of(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a11_two_clients(one: str, other: str) -> None:
    assert client_of(one) != client_of(other)


def test_a11_how_a_network_is_written() -> None:
    assert client_of("2001:DB8:0:1:2:3:4:5") == "2001:db8:0:1::/64"
    assert client_of("fec0::1") == "fec0::/64"
