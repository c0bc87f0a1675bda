"""Binding: every kind of address, leftover files, and one clear line for every failure (rules L-1, L-4)."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from esg_core.errors import StartupError
from esg_core.options.addresses import Address, Descriptor, TCPAddress, UnixAddress
from esg_core.options.config import Config
from esg_core.sockets.bound import BoundSocket, adopt, bind_all, close_all, describe, inherit

Bind = Callable[..., list[BoundSocket]]

NOT_OURS = "203.0.113.1"
"""An address reserved for documentation (RFC 5737), so no machine has it."""


@pytest.fixture
def bind() -> Iterator[Bind]:
    """Binds addresses, and closes everything that was bound when the test is over."""
    everything: list[BoundSocket] = []

    def bind_and_note(*addresses: Address, reuse_port: bool = False) -> list[BoundSocket]:
        bound = bind_all(addresses, reuse_port=reuse_port)
        everything.extend(bound)
        return bound

    yield bind_and_note
    close_all(everything)


def port_of(bound: BoundSocket) -> int:
    port: int = bound.sock.getsockname()[1]
    return port


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


# Hosts and ports.


def test_port_0_is_a_real_port_before_anybody_listens(bind: Bind) -> None:
    (bound,) = bind(TCPAddress("127.0.0.1", 0))
    assert port_of(bound) > 0
    assert not reaches("127.0.0.1", port_of(bound))
    bound.listen(10)
    assert reaches("127.0.0.1", port_of(bound))
    assert describe(bound.sock) == f"127.0.0.1:{port_of(bound)}"


def test_ipv6(bind: Bind) -> None:
    (bound,) = bind(TCPAddress("::1", 0))
    bound.listen(10)
    assert reaches("::1", port_of(bound))
    assert describe(bound.sock) == f"[::1]:{port_of(bound)}"


def test_wildcard_of_ipv6_takes_ipv4_too(bind: Bind) -> None:
    (bound,) = bind(TCPAddress("::", 0))
    bound.listen(10)
    assert reaches("::1", port_of(bound))
    assert reaches("127.0.0.1", port_of(bound))


def test_u8_no_host_is_every_interface(bind: Bind) -> None:
    bound = bind(*Config("main:app", host=None, port=0).addresses)
    for one in bound:
        one.listen(10)
    assert len({port_of(one) for one in bound}) == 1
    assert reaches("127.0.0.1", port_of(bound[0]))
    assert reaches("::1", port_of(bound[0]))


def test_u8_every_interface_is_those_that_there_are(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without IPv6, the IPv4 wildcard is enough."""
    found = [(socket.AF_INET, 1, 6, "", (host, 0)) for host in ("0.0.0.0", NOT_OURS)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: found if host is None else [])
    (bound,) = bind(TCPAddress("", 0))
    assert bound.sock.getsockname()[0] == "0.0.0.0"


def test_both_wildcards_share_a_port(bind: Bind) -> None:
    """If IPv4 is listed separately, the IPv6 wildcard leaves it alone."""
    (probe,) = bind(TCPAddress("127.0.0.1", 0))
    port = port_of(probe)
    probe.close()
    both = bind(TCPAddress("0.0.0.0", port), TCPAddress("::", port))
    for bound in both:
        bound.listen(10)
    assert reaches("127.0.0.1", port)
    assert reaches("::1", port)


def test_name_with_several_addresses_has_one_port(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the system picks it."""
    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    bound = bind(TCPAddress("both.test", 0))
    assert [one.sock.family for one in bound] == [socket.AF_INET, socket.AF_INET6]
    assert len({port_of(one) for one in bound}) == 1


def two_addresses(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    return [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
    ]


def test_address_of_a_name_that_this_machine_does_not_have_is_left_out(
    bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` without IPv6."""
    found = [(socket.AF_INET, 1, 6, "", (host, 0)) for host in (NOT_OURS, "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    (bound,) = bind(TCPAddress("localhost", 0))
    assert bound.sock.getsockname()[0] == "127.0.0.1"


def test_reuse_port(bind: Bind) -> None:
    (first,) = bind(TCPAddress("127.0.0.1", 0), reuse_port=True)
    first.listen(10)
    (second,) = bind(TCPAddress("127.0.0.1", port_of(first)), reuse_port=True)
    second.listen(10)


def test_port_can_be_taken_again_at_once(bind: Bind) -> None:
    """Lingering connections of the previous server do not hold up the next one."""
    (first,) = bind(TCPAddress("127.0.0.1", 0))
    first.listen(10)
    with socket.create_connection(("127.0.0.1", port_of(first))):
        accepted, _ = accept(first)
        accepted.close()
    port = port_of(first)
    first.close()
    bind(TCPAddress("127.0.0.1", port))


def accept(bound: BoundSocket) -> tuple[socket.socket, object]:
    bound.sock.setblocking(True)
    return bound.sock.accept()


@pytest.mark.parametrize("shared", [False, True])
def test_l7_no_process_listens_on_what_was_bound_and_closed_here(bind: Bind, shared: bool) -> None:
    """Even if a child holds it; a socket that was made elsewhere is left alone."""
    [bound] = bind(TCPAddress("127.0.0.1", 0))
    bound.listen(10)
    if shared:
        [bound] = adopt([bound.sock])
    with bound.sock.dup() as held:
        bound.close()
        with socket.socket() as client:
            assert client.connect_ex(held.getsockname()) == (0 if shared else errno.ECONNREFUSED)


def test_sockets_of_the_parent_process_are_taken_by_their_numbers(bind: Bind) -> None:
    """It is not for this process to remove them, and others go on listening."""
    (parents,) = bind(TCPAddress("127.0.0.1", 0))
    port = port_of(parents)
    (ours,) = inherit([parents.sock.detach()])
    assert (port_of(ours), ours.is_shared, parents.is_shared) == (port, True, False)
    assert adopt([ours]) == [ours]
    ours.close()


def test_port_in_use(bind: Bind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=rf"cannot listen on 127\.0\.0\.1:{port}: it is in use"):
            bind(TCPAddress("127.0.0.1", port))


def test_port_that_is_taken_between_binding_and_listening(bind: Bind) -> None:
    (first,) = bind(TCPAddress("127.0.0.1", 0))
    (second,) = bind(TCPAddress("127.0.0.1", port_of(first)))
    first.listen(10)
    with pytest.raises(StartupError, match="it is in use"):
        second.listen(10)


@pytest.mark.parametrize(
    ("host", "why"),
    [(NOT_OURS, "no interface of this machine has this address"), ("no-such-host.invalid", "cannot be resolved")],
)
def test_host_that_cannot_be_bound(bind: Bind, host: str, why: str) -> None:
    with pytest.raises(StartupError, match=why):
        bind(TCPAddress(host, 0))


def test_first_failure_leaves_nothing_bound(bind: Bind, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    with pytest.raises(StartupError):
        bind(UnixAddress(str(path)), TCPAddress(NOT_OURS, 0))
    assert not path.exists()


# UNIX sockets.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "esg.sock"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def leave_stale_socket(path: Path) -> None:
    """What a killed server leaves behind."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def test_unix_socket_is_open_to_all_whatever_the_umask(bind: Bind, path: Path) -> None:
    former = os.umask(0o077)
    try:
        (bound,) = bind(UnixAddress(str(path)))
    finally:
        os.umask(former)
    assert mode_of(path) == 0o666
    assert describe(bound.sock) == f"unix:{path}"


def test_stale_unix_socket_is_replaced_and_its_mode_kept(bind: Bind, path: Path) -> None:
    leave_stale_socket(path)
    path.chmod(0o620)
    (bound,) = bind(UnixAddress(str(path)))
    bound.listen(10)
    assert mode_of(path) == 0o620
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_live_unix_socket_is_in_use(bind: Bind, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        with pytest.raises(StartupError, match="it is in use by another program"):
            bind(UnixAddress(str(path)))
    assert path.exists()


def test_file_that_is_no_socket_is_left_alone(bind: Bind, path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(StartupError, match="there is a file that is not a socket"):
        bind(UnixAddress(str(path)))
    assert path.read_text() == "precious"


@pytest.mark.parametrize(("name", "why"), [("missing/esg.sock", "its directory does not exist"), ("x" * 120, "long")])
def test_path_that_cannot_be_bound(bind: Bind, tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(StartupError, match=why):
        bind(UnixAddress(str(tmp_path / name)))


def test_l4_unix_socket_is_removed(bind: Bind, path: Path) -> None:
    (bound,) = bind(UnixAddress(str(path)))
    bound.close()
    assert not path.exists()


def test_l4_unix_socket_of_a_successor_is_not_removed(bind: Bind, path: Path) -> None:
    """Another server has put its own file there meanwhile."""
    (first,) = bind(UnixAddress(str(path)))
    path.rename(path.with_suffix(".old"))  # its identity stays in use, so the successor's differs
    bind(UnixAddress(str(path)))
    first.close()
    assert path.exists()


# Inherited descriptors.


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_inherited_socket_of_any_family(bind: Bind, path: Path, family: socket.AddressFamily) -> None:
    with socket.socket(family) as original:
        original.bind({socket.AF_INET: ("127.0.0.1", 0), socket.AF_INET6: ("::1", 0)}.get(family, str(path)))
        original.listen(5)
        (bound,) = bind(Descriptor(original.fileno()))
        assert bound.sock.family == family
        assert bound.sock.getsockname() == original.getsockname()
        bound.listen(10)
        bound.close()
        assert original.getsockname()
        with socket.socket(family) as client:
            client.connect(original.getsockname())
    assert path.exists() == (family == socket.AF_UNIX)


def test_inherited_socket_that_does_not_listen_yet(bind: Bind) -> None:
    with socket.socket() as original:
        original.bind(("127.0.0.1", 0))
        (bound,) = bind(Descriptor(original.fileno()))
        bound.listen(10)
        assert reaches("127.0.0.1", port_of(bound))


def test_descriptor_that_is_no_socket(bind: Bind, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(StartupError, match=r"fd://[0-9]+: it is not a socket"):
        bind(Descriptor(file.fileno()))


def test_descriptor_that_is_not_open(bind: Bind) -> None:
    with pytest.raises(StartupError, match="fd://987654: there is no such open descriptor"):
        bind(Descriptor(987654))


def test_descriptor_of_a_connection(bind: Bind) -> None:
    ours, theirs = socket.socketpair()
    with (
        closing(ours),
        closing(theirs),
        pytest.raises(StartupError, match="it is not a socket that can accept connections"),
    ):
        bind(Descriptor(ours.fileno()))


def test_descriptor_of_datagrams(bind: Bind) -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as sock,
        pytest.raises(StartupError, match="it is not a socket that can accept"),
    ):
        bind(Descriptor(sock.fileno()))


def test_sockets_made_elsewhere_become_non_blocking() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        (bound,) = adopt([sock])
        assert sock.gettimeout() == 0
        bound.unlink()
