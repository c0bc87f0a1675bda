"""Decides who may do what on the admin address (rule M-7): one table, and the checks that browsers make necessary.

Knows requests and what stands behind paths in general; not the paths themselves, nor what they answer.
"""

import hmac
import re
from enum import Enum
from ipaddress import ip_address

from esg_admin.request_reader import Request
from esg_admin.responses import Refused
from esg_core.admin.contracts import AdminSettings, Peer


class Access(Enum):
    """What a path gives."""

    OPEN = "open"
    """What scrapers and probes ask for, and the page, which holds no figures itself."""
    READ = "read"
    """What may hold secrets of the application: options, stacks, paths of requests."""
    ACT = "act"
    """Changes the server."""


NEEDS_TOKEN = frozenset({(Peer.LOOPBACK, Access.ACT), (Peer.OTHER, Access.READ), (Peer.OTHER, Access.ACT)})
"""Everything else is free: the permissions of a socket file are its access control."""

METHODS = {Access.OPEN: ("GET", "HEAD"), Access.READ: ("GET", "HEAD"), Access.ACT: ("POST",)}

_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@]+))(?::\d{0,5})?")
_BEARER = re.compile(r"(?i:bearer) +(\S+)")


def check_host(peer: Peer, request: Request, settings: AdminSettings) -> None:
    """Refuse a name that is not the server's: otherwise a page could read it by rebinding its own name (DNS)."""
    host = request.fields.get("host")
    if peer is not Peer.UNIX and host is not None and not _is_ours(host, settings.hosts):
        raise Refused(403, f"host {ascii(host)[:80]} is neither an IP address, nor localhost, nor a configured name")


def check_access(peer: Peer, request: Request, access: Access, settings: AdminSettings) -> None:
    """Refuse what this client may not do with a path that exists."""
    methods = METHODS[access]
    if request.method not in methods:
        raise Refused(405, f"the method must be {' or '.join(methods)}", {"allow": ", ".join(methods)})
    if access is Access.ACT:
        _check_origin(request)
    if (peer, access) in NEEDS_TOKEN:
        _check_token(request, settings.token)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    found = _AUTHORITY.fullmatch(host)
    if found is None:
        return False
    address, name = found.groups()
    return _is_address(address or name) or name.lower() in {"localhost", *map(str.lower, names)}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_origin(request: Request) -> None:
    """Refuse what a page of another origin sends: browsers name the origin of every POST."""
    origin, host = request.fields.get("origin"), request.fields.get("host", "")
    if origin is not None and origin.lower() not in {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}:
        raise Refused(403, "a page of another origin may not do that")


def _check_token(request: Request, token: bytes | None) -> None:
    if token is None:
        raise Refused(403, "that needs a token from this address, and none is configured")
    given = _BEARER.fullmatch(request.fields.get("authorization", ""))
    if given is None:
        raise Refused(401, "a token is needed: authorization: Bearer TOKEN", {"www-authenticate": 'Bearer realm="esg"'})
    if not hmac.compare_digest(given[1].encode("latin-1"), token):
        challenge = 'Bearer realm="esg", error="invalid_token"'
        raise Refused(401, "the token is wrong", {"www-authenticate": challenge})
