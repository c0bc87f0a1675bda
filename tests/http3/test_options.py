"""What the options of HTTP/3 need, and what cannot be combined with them (rules Q-10, Q-17)."""

import subprocess
import sys
from pathlib import Path

import pytest

from esg_core.errors import UsageError
from esg_core.options.config import Config
from esg_core.plugins import KNOWN, Builtin, http3_factory


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "http3 needs ssl_certfile: without a certificate there is no TLS"),
        (
            {"ssl_certfile": "a.pem", "ssl_ca_certs": "b.pem", "ssl_cert_reqs": 2},
            "http3 and ssl_cert_reqs cannot be combined: QUIC has a TLS of its own",
        ),
        (
            {"ssl_certfile": "a.pem", "ssl_context_factory": "a:b"},
            "http3 and ssl_context_factory cannot be combined: QUIC has a TLS of its own",
        ),
    ],
)
def test_q10_what_http3_cannot_be_combined_with(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as error:
        Config("a:b", http3=True, **options)  # type: ignore[arg-type] # of any option
    assert str(error.value) == said


@pytest.mark.parametrize("options", [{"workers": 2}, {"limit_worker_memory": 512}])
def test_q19_workers_need_linux(monkeypatch: pytest.MonkeyPatch, options: dict[str, int]) -> None:
    name = next(iter(options))
    assert Config("a:b", http3=True, ssl_certfile="a.pem", **options).needs_parent  # type: ignore[arg-type] # of any option
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError) as error:
        Config("a:b", http3=True, ssl_certfile="a.pem", **options)  # type: ignore[arg-type] # of any option
    assert str(error.value) == f"http3 and {name} cannot be combined: only Linux can spread UDP over workers"


def test_q10_one_worker_is_a_single_process() -> None:
    assert Config("a:b", http3=True, ssl_certfile="a.pem", workers=1).http3


def test_q10_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"aioquic": Builtin("esg_http.h3.entry_points:aioquic", ("no-such-package",))}
    monkeypatch.setitem(KNOWN, "esg.http3", absent)
    with pytest.raises(UsageError, match=r"^--http3: nothing usable is installed: aioquic \(pip install no-such-pack"):
        http3_factory(lambda name: f"--{name}")


def test_q10_a_server_without_http3_imports_nothing_of_it(certificate: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from esg_core.options.config import Config\n"
        "from esg_core.lifecycle.assembly import assemble\n"
        "async def main():\n"
        f"    parts = assemble(Config('tests.http3.test_options:app', port=0, ssl_certfile={str(certificate)!r}))\n"
        "    await parts.listeners.close()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if 'quic' in name or '.h3' in name or 'datagrams' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def app(scope: object, receive: object, send: object) -> None:
    """An application that is never called."""
