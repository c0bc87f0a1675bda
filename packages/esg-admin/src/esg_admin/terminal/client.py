"""A client of an admin address: one request each, over TCP or a UNIX socket, with the token if there is one.

Knows HTTP by the standard library; neither the command line nor what the documents mean.
"""

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from esg_core.admin.contracts import Stats, Totals, WorkerStats
from esg_core.errors import CommandError, reason_of
from esg_core.options.addresses import TCPAddress, UnixAddress, parse_address

PATIENCE = 5.0
"""Seconds to wait for a server that says nothing: it gives its own processes half a second."""

REFUSED = 1
UNREACHABLE = 3
"""The exit codes of `CommandError` (rule M-11)."""

FORMS = "HOST:PORT, [IPv6]:PORT, unix:PATH or an http:// URL"


class Refused(CommandError):
    """The server does not do what it was asked; `content` is its document, if it sent one."""

    def __init__(self, status: int, reason: str, content: Any = None) -> None:
        super().__init__(f"the server refused ({status}): {reason}", REFUSED)
        self.content = content


class Unreachable(CommandError):
    """There is no admin address there, or it does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is: a host and a port, or the path of a socket, and what its paths begin with."""

    host: str = ""
    port: int = 0
    path: str = ""
    prefix: str = ""
    is_secure: bool = False


def target(text: str) -> Target:
    """What ADDRESS means, written as for `--admin`, or as a URL; raises `ValueError`."""
    if text.startswith(("http://", "https://")):
        parts = urlsplit(text)
        if (
            not parts.hostname
            or not parts.path.isascii()
            or any(one <= " " for one in text)
            or parts.query
            or parts.fragment
            or parts.username is not None
        ):
            raise ValueError(text)
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        return Target(parts.hostname, port, prefix=parts.path.rstrip("/"), is_secure=is_secure)
    match parse_address(text):
        case UnixAddress(path):
            return Target(path=path)
        case TCPAddress(host, port):
            return Target(host, port)
    raise ValueError(text)  # a descriptor is no address of another process


def is_target(text: str) -> bool:
    """Whether `target()` takes the text."""
    try:
        target(text)
    except ValueError:
        return False
    return True


class Client:
    """Asks one server; raises `Refused` and `Unreachable`."""

    def __init__(self, address: str, token: str | None = None, patience: float = PATIENCE) -> None:
        self._address = address
        self._target = target(address)
        self._token = token
        self._patience = patience

    def get(self, path: str) -> Any:
        """The document of a path."""
        return self._ask("GET", path)

    def stats(self) -> Stats:
        """The document of `/stats`, with all that it must have."""
        content = self.get("/stats")
        self._check(content, Stats.__required_keys__)
        self._check(content["totals"], Totals.__required_keys__)
        for worker in content["workers"]:
            self._check(worker, WorkerStats.__required_keys__)
        return cast("Stats", content)

    def post(self, path: str) -> Any:
        """Have an action done; returns what the server says about it."""
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> Any:
        connection = self._connection()
        fields = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            connection.request(method, f"{self._target.prefix}{path}", headers=fields)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except TimeoutError:
            raise Unreachable(f"{self._address} does not answer within {self._patience:g} s") from None
        except (http.client.HTTPException, ConnectionResetError, BrokenPipeError) as error:
            raise Unreachable(f"{self._address} does not speak HTTP: {_named(error)}") from None
        except OSError as error:
            raise Unreachable(f"cannot connect to {self._address}: {reason_of(error)}") from None
        except UnicodeError:  # of the codec for names
            raise Unreachable(f"cannot connect to {self._address}: no such name") from None
        finally:
            connection.close()
        return self._document(status, body)

    def _connection(self) -> http.client.HTTPConnection:
        to = self._target
        if to.path:
            return _UnixConnection(to.path, self._patience)
        kind = http.client.HTTPSConnection if to.is_secure else http.client.HTTPConnection
        return kind(to.host, to.port, timeout=self._patience)

    def _check(self, content: Any, keys: Iterable[str]) -> None:
        missing = sorted(set(keys) - set(content)) if isinstance(content, Mapping) else sorted(keys)
        if missing:
            raise Unreachable(f"{self._address} is of another version of ESG: its figures have no {missing[0]}")

    def _document(self, status: int, body: bytes) -> Any:
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if status < 300 and isinstance(content, dict):
            return content
        if status < 400:
            raise Unreachable(f"{self._address} answers, but is not the admin address of ESG")
        raise Refused(status, _reason(content, body), content)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _reason(content: Any, body: bytes) -> str:
    """One line: the reason in the document, or the first line of the text."""
    told = content.get("reason") if isinstance(content, dict) else None
    line = str(told or body[:500].decode("utf-8", "replace")).strip().partition("\n")[0]
    return "".join(one for one in line if one.isprintable()) or "no reason given"


def _named(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:80] or type(error).__name__
