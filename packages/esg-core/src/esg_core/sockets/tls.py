"""Makes the TLS context of a server from the options `ssl_*`; each failure is one line that names the option.

What is not set is left to Python and OpenSSL, whose defaults are kept secure by those who know.
"""

import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from esg_core.app.loading import import_string
from esg_core.errors import ESGError, StartupError, UsageError
from esg_core.options.named_certificates import ByName, parse_named_certificate
from esg_core.sockets.certificate_reload import ReloadedOnChange

if TYPE_CHECKING:
    from esg_core.options.config import Config

HTTP_1_1 = ("http/1.1",)
HTTP_2_AND_1_1 = ("h2", *HTTP_1_1)
"""What is offered by ALPN (RFC 7301) unless the protocol speaks more."""


def renewed_context(config: "Config", alpn: Sequence[str] = HTTP_1_1) -> ReloadedOnChange[ssl.SSLContext]:
    """As `server_context()`, or what the user's factory makes of it, and made anew when its files have changed.

    Raises what `server_context()` does, and what is wrong with the factory, the first time.
    """
    make = partial(server_context, config, alpn)
    if config.ssl_context_factory is not None:
        make = partial(_made_by_user, config, make)
    files = [config.ssl_certfile, config.ssl_keyfile, config.ssl_ca_certs]
    for one in map(parse_named_certificate, config.ssl_sni):
        files += one.certificate, one.key
    return ReloadedOnChange(make, [str(file) for file in files if file is not None], "certificates")


def _made_by_user(config: "Config", default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """What the function of the option `ssl_context_factory` returns."""
    found = config.ssl_context_factory
    factory = import_string(found, "ssl_context_factory") if isinstance(found, str) else found
    if not callable(factory):
        raise UsageError(f"ssl_context_factory: {found!r} is {type(factory).__name__}, which cannot be called")
    try:
        context = factory(config, default_factory)
    except ESGError:
        raise
    except Exception as error:
        raise StartupError(f"ssl_context_factory raised {type(error).__name__}") from error
    if not isinstance(context, ssl.SSLContext):
        raise StartupError(f"ssl_context_factory returned {type(context).__name__} instead of an ssl.SSLContext")
    return context


def server_context(config: "Config", alpn: Sequence[str] = HTTP_1_1) -> ssl.SSLContext:
    """The context that the options ask for; raises `StartupError` or `UsageError`, also if they name no certificate.

    A client that asks for a name of `ssl_sni` gets that certificate, any other the one of `ssl_certfile`.
    """
    if config.ssl_certfile is None:
        raise UsageError("ssl_certfile: the default of ssl_context_factory needs a certificate")
    key = None if config.ssl_keyfile is None else str(config.ssl_keyfile)
    context = _context_with(config, alpn, _Source("ssl_certfile", str(config.ssl_certfile), key))
    if config.ssl_sni:
        named = map(parse_named_certificate, config.ssl_sni)
        contexts = ByName(
            (one.host, _context_with(config, alpn, _Source("ssl_sni", one.certificate, one.key))) for one in named
        )
        context.sni_callback = partial(_choose, contexts)
    return context


def _choose(contexts: ByName[ssl.SSLContext], connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """Called in each handshake, with the name that the client asks for."""
    found = contexts[name]
    if found is not None:
        connection.context = found


class _Source(NamedTuple):
    """Where a certificate comes from: the option that names it, and the paths."""

    option: str
    certificate: str
    key: str | None

    def __str__(self) -> str:
        return self.certificate if self.key is None else f"{self.certificate}, {self.key}"


def _context_with(config: "Config", alpn: Sequence[str], source: _Source) -> ssl.SSLContext:
    context = _context(config.ssl_version)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load_certificate(context, source, config.ssl_keyfile_password)
    _set_verification(context, config)
    if config.ssl_ciphers is not None:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError:
            raise UsageError(f"ssl_ciphers: OpenSSL knows no cipher of {config.ssl_ciphers!r}") from None
    context.set_alpn_protocols(list(alpn))
    return context


def _context(version: int) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(version)
    except ValueError:
        raise UsageError(f"ssl_version: this Python does not know {version}; 17 is ssl.PROTOCOL_TLS_SERVER") from None
    if context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        raise UsageError(f"ssl_version: {version} is for clients; 17 is ssl.PROTOCOL_TLS_SERVER")
    return context


def _load_certificate(context: ssl.SSLContext, source: _Source, password: str | None) -> None:
    def ask() -> str:
        """Called for an encrypted key only; without it, OpenSSL would ask on the terminal."""
        if password is None:
            raise StartupError("ssl_keyfile: the key is encrypted; set ssl_keyfile_password")
        return password

    try:
        context.load_cert_chain(source.certificate, source.key, ask)
    except ssl.SSLError as error:
        raise StartupError(f"{source.option}: {_explain(error, password)} ({source})") from None
    except OSError as error:
        raise StartupError(f"{_unreadable(source)} cannot be read: {error.strerror}") from None


def _explain(error: ssl.SSLError, password: str | None) -> str:
    reason = error.reason or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    if password is not None and "PEM" not in reason:
        return "the password does not fit the key"
    return "no certificate with its key in PEM was found" + (f": {reason}" if reason else "")


def _unreadable(source: _Source) -> str:
    """The option and the file that OpenSSL could not read, of which it does not tell which one that was."""
    try:
        Path(source.certificate).read_bytes()
    except OSError:
        return f"{source.option}: {source.certificate}"
    return f"{'ssl_keyfile' if source.option == 'ssl_certfile' else source.option}: {source.key}"


def _set_verification(context: ssl.SSLContext, config: "Config") -> None:
    context.check_hostname = False
    context.verify_mode = ssl.VerifyMode(config.ssl_cert_reqs)
    if config.ssl_ca_certs is not None:
        try:
            context.load_verify_locations(str(config.ssl_ca_certs))
        except OSError as error:
            why = "no certificate in PEM was found" if isinstance(error, ssl.SSLError) else error.strerror
            raise StartupError(f"ssl_ca_certs: {config.ssl_ca_certs} cannot be used: {why}") from None


__all__ = ["HTTP_1_1", "HTTP_2_AND_1_1", "renewed_context", "server_context"]
