"""Makes a server's TLS context from the options `ssl_*`; each failure is one line that names the option.

What is not set is left to Python and OpenSSL, whose defaults experts keep secure.
"""

import hashlib
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from esg_core.app.loading import import_string
from esg_core.errors import ESGError, StartupError, UsageError, reason_of
from esg_core.options.named_certificates import ByName, parse_named_certificate
from esg_core.sockets.certificate_reload import ReloadedOnChange
from esg_core.sockets.tickets import TLSContext
from esg_core.sockets.tls_link import HalfClosingContext

if TYPE_CHECKING:
    from esg_core.options.config import Config

HTTP_1_1 = ("http/1.1",)
HTTP_2_AND_1_1 = ("h2", *HTTP_1_1)
"""What is offered by ALPN (RFC 7301) unless the protocol speaks more."""


def renewed_context(config: "Config", alpn: Sequence[str] = HTTP_1_1) -> ReloadedOnChange[TLSContext]:
    """The context from the options or from the user's factory, made again when its files have changed.

    The first time, raises what `server_context()` does, and `StartupError` if the factory fails.
    """
    make = partial(server_context, config, alpn)
    if config.ssl_context_factory is not None:
        make = partial(_made_by_user, config, make)
    files = [config.ssl_certfile, config.ssl_keyfile, config.ssl_ca_certs, config.ssl_crl]
    for one in map(parse_named_certificate, config.ssl_sni):
        files += one.certificate, one.key
    found = [str(file) for file in files if file is not None]
    return ReloadedOnChange(partial(_with_policy, config, make), found, "certificates")


def _with_policy(config: "Config", make: Callable[[], ssl.SSLContext]) -> TLSContext:
    """A new context, with the policy by which it lets clients in; that of a user's factory is not known.

    The files are read before the context reads them: if they change in between, tickets end too early, not too late.
    """
    policy = None if config.ssl_context_factory is not None else _policy(config)
    context = make()
    return TLSContext(context, b"" if context.verify_mode is ssl.CERT_NONE else policy)


def _policy(config: "Config") -> bytes:
    """A digest of all that decides which certificates of clients are accepted."""
    files = {"ssl_ca_certs": config.ssl_ca_certs, "ssl_crl": config.ssl_crl}
    contents = {option: _read(option, str(path), config) for option, path in files.items() if path is not None}
    return hashlib.sha256(repr((int(config.ssl_cert_reqs), contents)).encode()).digest()


def _made_by_user(config: "Config", default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """What the option `ssl_context_factory`'s function returns."""
    found, option = config.ssl_context_factory, config.spell("ssl_context_factory")
    factory = import_string(found, option, config.spell) if isinstance(found, str) else found
    if not callable(factory):
        raise StartupError(f"{option}: {found!r} is {type(factory).__name__}, which cannot be called")
    try:
        context = factory(config, default_factory)
    except ESGError:
        raise
    except Exception as error:
        raise StartupError(f"{option} raised {type(error).__name__}") from error
    if not isinstance(context, ssl.SSLContext):
        raise StartupError(f"{option} returned {type(context).__name__} instead of an ssl.SSLContext")
    return context


def server_context(config: "Config", alpn: Sequence[str] = HTTP_1_1) -> ssl.SSLContext:
    """The context that the options ask for; raises `UsageError`, even if they only lack a certificate.

    A client that asks for a name in `ssl_sni` gets that certificate, any other client that of `ssl_certfile`.
    """
    if config.ssl_certfile is None:
        factory = config.spell("ssl_context_factory")
        raise UsageError(f"{config.spell('ssl_certfile')}: the default of {factory} needs a certificate")
    key = None if config.ssl_keyfile is None else str(config.ssl_keyfile)
    source = _Source("ssl_certfile", str(config.ssl_certfile), "ssl_keyfile", key)
    context = _context_with(config, alpn, source)
    if config.ssl_sni:
        named = map(parse_named_certificate, config.ssl_sni)
        contexts = ByName(
            (one.host, _context_with(config, alpn, _Source("ssl_sni", one.certificate, "ssl_sni", one.key)))
            for one in named
        )
        context.sni_callback = partial(_choose, contexts)
    return context


def _choose(contexts: ByName[ssl.SSLContext], connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """Called in each handshake, with the name that the client asks for."""
    found = contexts[name]
    if found is not None:
        connection.context = found


class _Source(NamedTuple):
    """Where a certificate and its key come from: the options and the paths."""

    option: str
    certificate: str
    key_option: str
    key: str | None


def _context_with(config: "Config", alpn: Sequence[str], source: _Source) -> ssl.SSLContext:
    context = _context(config)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load_certificate(context, source, config)
    _set_verification(context, config)
    if config.ssl_ciphers is not None:
        try:
            context.set_ciphers(config.ssl_ciphers)
        except ssl.SSLError:
            raise UsageError(f"{config.with_value('ssl_ciphers')}: OpenSSL knows no such cipher") from None
    context.set_alpn_protocols(list(alpn))
    return context


def _context(config: "Config") -> ssl.SSLContext:
    try:
        context = HalfClosingContext(config.ssl_version)
    except ValueError:
        problem = "this Python does not know it"
    else:
        if context.protocol is ssl.PROTOCOL_TLS_SERVER:  # some builds of Python leave the minimum to OpenSSL (RFC 8996)
            context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        if context.protocol is not ssl.PROTOCOL_TLS_CLIENT:
            _set_minimum_version(context, config)
            return context
        problem = "it is for clients"
    raise UsageError(f"{config.with_value('ssl_version')}: {problem}; 17 is ssl.PROTOCOL_TLS_SERVER")


def _set_minimum_version(context: ssl.SSLContext, config: "Config") -> None:
    if config.ssl_min_version is None:
        return
    try:
        context.minimum_version = ssl.TLSVersion[config.ssl_min_version.replace(".", "_")]
    except ValueError:
        fixed = config.with_value("ssl_version")
        raise UsageError(f"{config.with_value('ssl_min_version')}: {fixed} is one version only: leave it out") from None


def _load_certificate(context: ssl.SSLContext, source: _Source, config: "Config") -> None:
    password = config.ssl_keyfile_password

    def ask() -> str:
        """Called for an encrypted key only; without it, OpenSSL would ask on the terminal."""
        if password is None:
            how = config.spell("ssl_keyfile_password")
            raise UsageError(f"{_key(source, config)}: the key is encrypted; set {how}")
        return password

    _check_certificate(source, config)
    if source.key is not None:
        _read(source.key_option, source.key, config)
    try:
        context.load_cert_chain(source.certificate, source.key, ask)
    except ssl.SSLError as error:
        raise UsageError(_explain(error, source, config)) from None


def _check_certificate(source: _Source, config: "Config") -> None:
    """Check what OpenSSL does not report: which of the files cannot be read, and that a key is missing."""
    text = _read(source.option, source.certificate, config)
    if source.key is None and b"CERTIFICATE" in text and b"PRIVATE KEY" not in text:
        how = config.spell("ssl_keyfile") if source.option == "ssl_certfile" else "HOST=CERT:KEY"
        where = config.with_value(source.option, source.certificate)
        raise UsageError(f"{where}: it holds no private key; name the key with {how}")


def _read(option: str, path: str, config: "Config") -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{config.with_value(option, path)}: {reason_of(error)}") from None


def _key(source: _Source, config: "Config") -> str:
    """The option and the file of the key."""
    if source.key is None:
        return config.with_value(source.option, source.certificate)
    return config.with_value(source.key_option, source.key)


def _explain(error: ssl.SSLError, source: _Source, config: "Config") -> str:
    reason = error.reason or ""
    if reason == "KEY_VALUES_MISMATCH":
        return f"{_key(source, config)}: the key does not belong to the certificate {source.certificate}"
    if config.ssl_keyfile_password is not None and "PEM" not in reason:
        return f"{_key(source, config)}: {config.spell('ssl_keyfile_password')} does not fit the key"
    where = config.with_value(source.option, source.certificate)
    return f"{where}: no certificate with its key in PEM was found" + (f" ({reason})" if reason else "")


def _set_verification(context: ssl.SSLContext, config: "Config") -> None:
    context.check_hostname = False
    context.verify_mode = ssl.VerifyMode(config.ssl_cert_reqs)
    if config.ssl_ca_certs is not None:
        try:
            context.load_verify_locations(str(config.ssl_ca_certs))
        except OSError as error:
            why = "no certificate in PEM was found" if isinstance(error, ssl.SSLError) else reason_of(error)
            raise UsageError(f"{config.with_value('ssl_ca_certs')}: {why}") from None
    if config.ssl_crl is not None:
        _load_revocations(context, str(config.ssl_crl), config)


def _load_revocations(context: ssl.SSLContext, path: str, config: "Config") -> None:
    """Refuse what the lists in a file revoke. A certificate in it would be trusted, so there must be none."""
    where, text = config.with_value("ssl_crl"), _read("ssl_crl", path, config)
    if b"CERTIFICATE-----" in text:
        raise UsageError(
            f"{where}: it holds a certificate; certificates of authorities belong in {config.spell('ssl_ca_certs')}"
        )
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise UsageError(f"{where}: no revocation list (CRL) in PEM was found") from None
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
