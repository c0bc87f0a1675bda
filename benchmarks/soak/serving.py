"""One server under the soak: its processes, its log, its certificate, and what its processes hold."""

import asyncio
import contextlib
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from benchmarks.proc import tree
from benchmarks.soak.http1 import PATIENCE, Connection, Target, close

ROOT = Path(__file__).resolve().parents[2]
URL = re.compile(r"running on https?://127\.0\.0\.1:(\d+)")
ADMIN = re.compile(r"Admin address on http://127\.0\.0\.1:(\d+)/")
WRONG = re.compile(r"Traceback|ERROR|CRITICAL|log lines were lost")
Sample = dict[int, tuple[int, int]]
"""By process: KiB of resident memory, open descriptors."""


class Served:
    """A context manager: inside it the server runs. `code` is its exit code afterwards."""

    def __init__(self, name: str, directory: Path, authority: trustme.CA | None, options: list[str]) -> None:
        self.name = name
        self.code: int | None = None
        self._log = directory / f"{name}.log"
        self._certificate = directory / f"{name}.pem"
        self._authority = authority
        self._options = options
        self.certificates: set[int] = set()

    def __enter__(self) -> Self:
        tls = []
        if self._authority is not None:
            self.renew_certificate()
            tls = ["--ssl-certfile", str(self._certificate)]
        places = ["--port", "0", "--admin", "127.0.0.1:0"]
        command = [sys.executable, "-m", "esg", "benchmarks.soak.app:app", *places, *tls, *self._options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            has_http3 = self._authority is not None and "--http3" in self._options
            pem = self._authority.cert_pem.bytes() if has_http3 and self._authority is not None else b""
            self.target = Target(self.name, self._wait_for(URL), self._client_tls(), pem)
            self.admin = Target(self.name, self._wait_for(ADMIN))
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self.code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def renew_certificate(self) -> None:
        """A new certificate of the same authority, in the place of the present one."""
        if self._authority is not None:
            new = self._certificate.with_suffix(".new")
            self._authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(new)
            new.replace(self._certificate)

    def _client_tls(self) -> Mapping[str, ssl.SSLContext]:
        contexts: dict[str, ssl.SSLContext] = {}
        for protocol in ("http/1.1", "h2") if self._authority is not None else ():
            contexts[protocol] = context = ssl.create_default_context()
            context.set_alpn_protocols([protocol])
            assert self._authority is not None
            self._authority.configure_trust(context)
        return contexts

    def _wait_for(self, port: re.Pattern[str]) -> int:
        end = time.monotonic() + PATIENCE
        while not (found := port.search(self._log.read_text(encoding="utf-8"))):
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"the server does not start:\n{self._log.read_text(encoding='utf-8')}")
            time.sleep(0.05)
        return int(found[1])

    # While it runs.

    @property
    def pid(self) -> int:
        """The first process: the parent, if there are workers."""
        return self._process.pid

    def workers(self) -> list[int]:
        """The processes that serve: the children, or the only one."""
        return tree(self._process.pid)[1:] or [self._process.pid]

    def sample(self) -> Sample:
        """Memory and descriptors of all processes."""
        found: Sample = {}
        for pid in tree(self._process.pid):
            with contextlib.suppress(OSError, StopIteration):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                rss = next(line for line in status.splitlines() if line.startswith("VmRSS"))
                found[pid] = int(rss.split()[1]), len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return found

    async def restart(self) -> bool:
        """Replace all workers; returns whether that was completed."""
        before = set(self.workers())
        self._process.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        while before & set(self.workers()):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.1)
        return True

    async def renew(self) -> bool:
        """Replace the certificate, if there is one; returns whether new clients see another one in time."""
        if not self.target.tls:
            return True
        await self.note_certificate()
        seen = len(self.certificates)
        self.renew_certificate()
        end = time.monotonic() + PATIENCE
        while len(self.certificates) == seen:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.1)
            await self.note_certificate()
        return True

    async def note_certificate(self) -> None:
        """Remember which certificate is served now."""
        if self.target.tls:
            _, writer = await self.target.open()
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            self.certificates.add(hash(der))
            await close(writer)

    async def states(self) -> dict[int, dict[str, Any]]:
        """What each worker holds, by process, while one request asks for it."""
        found: dict[int, dict[str, Any]] = {}
        end = time.monotonic() + PATIENCE
        while found.keys() != set(self.workers()) and time.monotonic() < end:
            connection = await Connection.to(self.target)
            try:
                state = json.loads((await connection.ask(b"GET /state HTTP/1.1\r\nhost: esg\r\n\r\n")).body)
            finally:
                await connection.close()
            found[state.pop("pid")] = state
        return found

    def complaints(self) -> list[str]:
        """The lines of the log that report errors."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            return [line.rstrip("\n") for line in log if WRONG.search(line)]
