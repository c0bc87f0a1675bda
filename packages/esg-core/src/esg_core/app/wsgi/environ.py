"""Makes the environ of a request out of its ASGI scope (rule I-3, PEP 3333, RFC 3875).

Pure. Text is what PEP 3333 calls a native string: bytes decoded as latin-1, so that nothing is lost.
"""

from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from esg_core.asgi import Scope

Environ = dict[str, Any]

VARIABLES = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    b"transfer-encoding": "CONTENT_LENGTH",  # a chunked body has a length once it is complete
    b"proxy": "",  # HTTP_PROXY is where HTTP clients look for their proxy
}
"""Fields whose variables are not HTTP_ and their names."""

PERCENT = ord("%")
"""As a number: looking for bytes in bytes is ten times slower."""

MOST_REMEMBERED = 1024
"""Field names whose variables are remembered."""

DEFAULT_PORTS = {"http": "80", "https": "443"}

PROTOCOLS = {version: f"HTTP/{version}" for version in ("1.0", "1.1", "2")}
"""Version of HTTP -> SERVER_PROTOCOL."""

OF_REQUEST = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "RAW_URI", "SERVER_PROTOCOL"),
    *("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "wsgi.input", "asgi.scope"),
)
"""The variables that each request has besides its fields."""


class _Variables(dict[bytes, str]):
    """Name of a field -> name of its variable, empty if it gets none."""

    def __missing__(self, name: bytes) -> str:
        variable = _variable(name)
        if len(self) < MOST_REMEMBERED:
            self[name] = variable
        return variable


def _variable(name: bytes) -> str:
    if b"_" in name:  # x_user would pass for x-user, which a proxy may be trusted to set
        return ""
    return VARIABLES.get(name, f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}")


_variables = _Variables()


def common_environ(of_server: Environ) -> Environ:
    """What the environs of all requests are copied from; it has room for each request's own variables."""
    return {**dict.fromkeys(OF_REQUEST, ""), **of_server}


def environ_of(common: Environ, scope: Scope, body: BinaryIO, size: int) -> Environ:
    """The environ of a request whose body has `size` bytes."""
    environ = common.copy()
    environ["REQUEST_METHOD"] = scope["method"]
    environ["SERVER_PROTOCOL"] = PROTOCOLS[scope["http_version"]]
    environ["wsgi.url_scheme"] = scope["scheme"]
    environ["wsgi.input"] = body
    environ["asgi.scope"] = scope
    sent = scope["raw_path"]
    environ["REQUEST_URI"] = environ["RAW_URI"] = environ["PATH_INFO"] = sent.decode("latin-1")
    if scope["query_string"] or scope["root_path"] or PERCENT in sent or sent == b"*":
        _take_apart(environ, scope)
    for name, value in scope["headers"]:
        variable = _variables[name]
        if variable in environ:
            _join(environ, variable, value)
        elif variable:
            environ[variable] = value.decode("latin-1")
    if size or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(size)
    client = scope["client"]
    if client is not None:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])
    server = scope["server"]
    if server is not None and server[1] is not None:
        environ["SERVER_NAME"] = server[0]
        environ["SERVER_PORT"] = str(server[1])
    else:
        _name_server(environ)
    return environ


def _take_apart(environ: Environ, scope: Scope) -> None:
    """Set what depends on root path, query and percent-encoding."""
    path = scope["raw_path"]
    query = scope["query_string"]
    if query:
        environ["QUERY_STRING"] = query.decode("latin-1")
        environ["REQUEST_URI"] = environ["RAW_URI"] = f"{environ['RAW_URI']}?{environ['QUERY_STRING']}"
    if scope["root_path"]:
        root = scope["root_path"].encode("utf-8")
        environ["SCRIPT_NAME"] = root.decode("latin-1").rstrip("/")
        path = path.removeprefix(root)
    # OPTIONS for the whole server: a path is empty, or begins with a slash
    environ["PATH_INFO"] = "" if path == b"*" else unquote_to_bytes(path).decode("latin-1")


def _join(environ: Environ, variable: str, value: bytes) -> None:
    """Add a further line of a field to the ones before it."""
    separator = "; " if variable == "HTTP_COOKIE" else ","
    environ[variable] += separator + value.decode("latin-1")


def _name_server(environ: Environ) -> None:
    """Take the name and port that the client asked for: a UNIX socket has neither."""
    host = environ.get("HTTP_HOST", "")
    name, _, port = host.rpartition(":")
    if not (name and port.isdigit()):
        name, port = host, ""
    environ["SERVER_NAME"] = name or "localhost"
    environ["SERVER_PORT"] = port or DEFAULT_PORTS[environ["wsgi.url_scheme"]]
