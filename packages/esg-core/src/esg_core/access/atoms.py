"""Format strings with atoms: `%(h)s "%(r)s" %(s)s %(L)s`, as in gunicorn and hypercorn (rule R-3).

A format is parsed once, into a template and one function per atom. Values come from clients: they are escaped so that
neither a line nor a quoted part of it can be forged. Unknown values are `-`.
"""

import binascii
import os
import re
import time
from base64 import b64decode
from collections.abc import Callable, Mapping

from esg_core.access.escaping import Memo, client_text, safe_text, target_text
from esg_core.access.exchange import Exchange, Line, LineFormat, ScopeLike, tls_version
from esg_core.errors import UsageError
from esg_core.logs.formatters import status_text
from esg_core.logs.timestamps import rfc3339
from esg_core.request_ids import id_in

Atom = Callable[[Exchange], str]

_ATOM = re.compile(r"%\((?P<name>(?:\{[^{}]*\})?[A-Za-z]*)\)(?P<spec>-?\d*s)|%%")
_HEADER = re.compile(r"\{([^{}]+)\}i")
_RESPONSE_HEADER = re.compile(r"\{([^{}]+)\}o")
_VARIABLE = re.compile(r"\{([^{}]+)\}e")

_local_times: Memo[int] = Memo(lambda second: time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(second)))


def _or_dash(text: str | None) -> str:
    return safe_text(text) if text else "-"


def _host(exchange: Exchange) -> str:
    client = exchange.scope["client"]
    return client_text((client[0], None)) if client else "-"


def _field(exchange: Exchange, name: bytes) -> str:
    return _value(exchange.fields, name)


def _value(fields: Mapping[bytes, bytes], name: bytes) -> str:
    value = fields.get(name)
    return _or_dash(value.decode("latin-1") if value is not None else None)


def _user(exchange: Exchange) -> str:
    """The user name of HTTP basic authentication (RFC 7617 section 2); the password is not checked here."""
    scheme, _, credentials = exchange.fields.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return "-"
    try:
        name = b64decode(credentials, validate=True).partition(b":")[0]
    except binascii.Error:
        return "-"
    return _or_dash(name.decode("utf-8", "replace"))


def _method(exchange: Exchange) -> str:
    return safe_text(exchange.scope["method"])


def _protocol(exchange: Exchange) -> str:
    return f"HTTP/{safe_text(exchange.scope['http_version'])}"


def _path(exchange: Exchange) -> str:
    return target_text(exchange.target).partition("?")[0]


def _query(exchange: Exchange) -> str:
    return target_text(exchange.target).partition("?")[2]


ATOMS: dict[str, Atom] = {
    "h": _host,
    "l": lambda _: "-",
    "u": _user,
    "t": lambda _: _local_times[int(time.time())],
    "r": lambda e: f"{_method(e)} {target_text(e.target)} {_protocol(e)}",
    "R": lambda e: f"{_method(e)} {_path(e)} {_protocol(e)}",
    "m": _method,
    "U": _path,
    "q": _query,
    "Uq": lambda e: target_text(e.target),
    "H": _protocol,
    "S": lambda e: _or_dash(e.scope.get("scheme")),
    "s": lambda e: str(e.status),
    "st": lambda e: status_text(e.status).partition(" ")[2] or "-",
    "b": lambda e: str(e.size) if e.size else "-",
    "B": lambda e: str(e.size),
    "f": lambda e: _field(e, b"referer"),
    "a": lambda e: _field(e, b"user-agent"),
    "T": lambda e: str(int(e.seconds)),
    "M": lambda e: str(int(e.seconds * 1_000)),
    "D": lambda e: str(int(e.seconds * 1_000_000)),
    "L": lambda e: f"{e.seconds:.6f}",
    "p": lambda _: f"<{os.getpid()}>",
    "X": lambda e: "X" if e.aborted else "-",
    "id": lambda e: _or_dash(id_in(e.fields)),
    "iso": lambda _: rfc3339(time.time()),
    "tls": lambda e: _or_dash(tls_version(e.scope)),
}
"""The value of each atom without braces."""

_TIMED = frozenset("TMDL")


def atoms_format(text: str, option: str = "access_log_format") -> LineFormat:
    """Parse a format. Raises `UsageError` for an unknown atom, a stray `%`, and text without any atom."""
    names: list[str] = []

    def template(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "%%"
        names.append(found["name"])
        return f"%{found['spec']}"

    pattern = _ATOM.sub(template, text)
    if "%" in _ATOM.sub("", text):
        raise UsageError(f"{option}: {text!r} has a % that starts no atom such as %(h)s; write %% for a percent sign")
    if not names:
        raise UsageError(f"{option}: {text!r} has no atom such as %(h)s, and is neither default nor json")
    return LineFormat(
        _line(pattern, [_atom(name, option) for name in names]),
        timed=not _TIMED.isdisjoint(names),
        wants_fields=any(_RESPONSE_HEADER.fullmatch(name) for name in names),
    )


def _line(pattern: str, atoms: list[Atom]) -> Line:
    def line(scope: ScopeLike, target: bytes, status: int, size: int, seconds: float, aborted: bool) -> str:
        exchange = Exchange(scope, target, status, size, seconds, aborted)
        return pattern % tuple([atom(exchange) for atom in atoms])

    return line


def _atom(name: str, option: str) -> Atom:
    if name in ATOMS:
        return ATOMS[name]
    if header := _HEADER.fullmatch(name):
        field = header[1].lower().encode("latin-1")
        return lambda exchange: _field(exchange, field)
    if header := _RESPONSE_HEADER.fullmatch(name):
        sent = header[1].lower().encode("latin-1")
        return lambda exchange: _value(exchange.response_fields, sent)
    if variable := _VARIABLE.fullmatch(name):
        value = _or_dash(os.environ.get(variable[1]))
        return lambda _: value
    known_atoms = " ".join(f"%({known})s" for known in ATOMS)
    raise UsageError(
        f"{option}: unknown atom %({name})s; known atoms are {known_atoms}"
        " %({NAME}i)s for a request header, %({NAME}o)s for a response header and %({NAME}e)s for an environment"
        " variable"
    )
