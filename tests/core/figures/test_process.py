"""What is looked up when somebody asks: processes, certificates, listeners."""

import datetime as dt
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esg_core.figures import process
from esg_core.figures.certificates import certificate_reading, expiry, not_after
from esg_core.figures.listeners import backlog_of, listener_readings
from esg_core.figures.readings import Reading
from tests.support.certificates import CA

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc and the kernel")

EXPIRES = dt.datetime(2051, 2, 3, 4, 5, 6, tzinfo=dt.UTC)


def by_name(readings: list[Reading]) -> dict[str, float]:
    return {family.name: float(series[0].value) for family, series in readings}  # type: ignore[arg-type]


@linux
def test_the_numbers_of_a_process() -> None:
    numbers = process.look_at(os.getpid())
    assert numbers is not None
    assert 2**20 < numbers.resident < numbers.virtual
    assert numbers.cpu > 0
    assert numbers.open_files
    assert numbers.most_files


@linux
def test_the_cpu_time_of_a_child_stays_when_it_has_ended() -> None:
    program = "import os, time\nwhile time.process_time() < 0.2: pass\nprint('worked', flush=True)\nos.read(0, 1)"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    before = by_name(process.process_readings([os.getpid(), child.pid], 1.0))["process_cpu_seconds"]
    child.communicate(b".", timeout=60)
    after = by_name(process.process_readings([os.getpid(), child.pid], 1.0))["process_cpu_seconds"]
    assert after >= before >= 0.2


@linux
def test_sums_over_processes() -> None:
    one = by_name(process.process_readings([os.getpid()], 12.5))
    two = by_name(process.process_readings([os.getpid(), os.getpid()], 12.5))
    assert two["process_resident_memory_bytes"] > 1.5 * one["process_resident_memory_bytes"]
    assert two["process_max_fds"] == one["process_max_fds"]
    assert one["process_start_time_seconds"] == 12.5


def test_a_process_that_is_gone_has_no_numbers() -> None:
    assert process.look_at(2**22 + 1) is None
    assert process.process_readings([2**22 + 1], 1.0) == []
    assert process.start_of(2**22 + 1) is None


def test_what_the_system_does_not_show_of_a_process_is_unknown(tmp_path: Path) -> None:
    """The files and limits of another user's process."""
    assert process._open_files(tmp_path / "gone") is None
    assert process._most(tmp_path / "gone") is None
    (tmp_path / "limits").write_text("Limit                     Soft Limit\n")
    assert process._most(tmp_path) is None


def test_a_closed_listener_has_no_backlog() -> None:
    with socket.socket() as listener:
        pass
    assert backlog_of(listener) is None


def test_the_interpreter() -> None:
    family, [series] = process.python_reading()
    assert dict(zip(family.labels, series.labels, strict=True))["major"] == str(sys.version_info.major)


def test_the_end_of_a_certificate(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    leaf = CA().issue_cert("localhost", not_after=EXPIRES)
    leaf.private_key_and_cert_chain_pem.write_to_path(path)
    assert expiry(str(path)) == EXPIRES.timestamp()
    near = CA().issue_cert("localhost", not_after=EXPIRES.replace(year=2048))
    der = ssl.PEM_cert_to_DER_cert(near.cert_chain_pems[0].bytes().decode())
    assert not_after(der) == EXPIRES.replace(year=2048).timestamp()
    reading = certificate_reading({"default": str(path), "gone": str(tmp_path / "gone.pem")})
    assert reading is not None
    assert [series.labels for series in reading.series] == [("default",)]
    assert certificate_reading({}) is None


DER = ssl.PEM_cert_to_DER_cert(CA().issue_cert("localhost").cert_chain_pems[0].bytes().decode())


def element(tag: int, *content: bytes) -> bytes:
    joined = b"".join(content)
    return bytes((tag, len(joined))) + joined


NUMBER, SEQUENCE = element(2, b"\1"), element(0x30)


@pytest.mark.parametrize(
    ("before", "tag", "expected"),
    [
        ((NUMBER, SEQUENCE, SEQUENCE), 0x17, dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC).timestamp()),
        ((NUMBER, SEQUENCE, SEQUENCE), 0x04, None),
        ((SEQUENCE, NUMBER, SEQUENCE), 0x17, None),
    ],
)
def test_certificates_without_a_version(before: tuple[bytes, ...], tag: int, expected: float | None) -> None:
    """RFC 5280 section 4.1: version 1 is not named. The others are not certificates."""
    validity = element(0x30, element(0x17, b"250203040506Z"), element(tag, b"260203040506Z"))
    assert not_after(element(0x30, element(0x30, *before, validity))) == expected


@given(at=st.integers(0, len(DER) - 1), byte=st.integers(0, 255), end=st.integers(0, len(DER)))
def test_a_broken_certificate_is_no_error(at: int, byte: int, end: int) -> None:
    broken = DER[:at] + bytes((byte,)) + DER[at + 1 :]
    for data in (broken, DER[:end], broken[:end]):
        found = not_after(data)
        assert found is None or isinstance(found, float)


@given(st.binary(max_size=64))
def test_what_is_no_certificate_is_no_error(data: bytes) -> None:
    assert not_after(data) is None


@linux
def test_the_backlog_of_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=7) as listener:
        assert backlog_of(listener) == (0, 7)
        with socket.create_connection(listener.getsockname()), socket.create_connection(listener.getsockname()):
            assert backlog_of(listener) == (2, 7)
            [waiting, limit] = listener_readings({"127.0.0.1": listener})
            assert (waiting.series[0].value, limit.series[0].value) == (2, 7)


def test_other_sockets_have_no_backlog() -> None:
    with socket.socket() as unbound:
        assert backlog_of(unbound) is None
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as other:
            assert listener_readings({"unix": other}) == []
