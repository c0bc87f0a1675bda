"""Options about certificates and TLS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from esg_core.options.groups.shorthands import FilePath
from esg_core.options.named_certificates import is_named_certificate
from esg_core.options.option import Group, option
from esg_core.options.value_types import Importable, Integer, ListOf, Text

Certificates = Annotated[Sequence[str], ListOf("HOST=CERT or HOST=CERT:KEY", is_named_certificate, "HOST=CERT:KEY")]
ContextFactory = Annotated[str | Callable[..., Any] | None, Importable()]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class TLSOptions:
    """TLS."""

    ssl_certfile: FilePath = option(
        None,
        Group.TLS,
        "Certificate, with its chain, in PEM; makes the server speak TLS.",
        "Files of TLS are read anew when they have changed: new connections get what is in them then.",
    )
    ssl_keyfile: FilePath = option(None, Group.TLS, "Private key in PEM, when it is not in the certificate's file.")
    ssl_keyfile_password: Annotated[str | None, Text(secret=True)] = option(
        None,
        Group.TLS,
        "Password of the private key.",
        "The command line is visible to every user of the machine: rather use the variable.",
    )
    ssl_sni: Certificates = option(
        (),
        Group.TLS,
        "Another certificate, for clients that ask for HOST. Repeatable.",
        "`HOST=CERT` where the key is in the same file. On Windows, a semicolon stands before the key. "
        "`*.HOST` is every name with one label more. All other clients get `ssl_certfile`.",
    )
    ssl_version: Annotated[int, Integer(2, 17)] = option(
        17,
        Group.TLS,
        "Protocol, as a number of Python's ssl module.",
        "17 is `ssl.PROTOCOL_TLS_SERVER`: the best version that both sides speak.",
    )
    ssl_cert_reqs: Annotated[int, Integer(0, 2)] = option(
        0, Group.TLS, "Client certificate: 0 none, 1 optional, 2 required.", "The values of `ssl.VerifyMode`."
    )
    ssl_ca_certs: FilePath = option(None, Group.TLS, "Authorities that client certificates must come from, in PEM.")
    ssl_ciphers: Annotated[str | None, Text("a cipher list of OpenSSL")] = option(
        None,
        Group.TLS,
        "Cipher list, as OpenSSL writes it.",
        "OpenSSL's own secure default when it is not set.",
        metavar="CIPHERS",
    )
    ssl_context_factory: ContextFactory = option(
        None,
        Group.TLS,
        "Function that makes the TLS context, as MODULE:ATTRIBUTE.",
        "Called with `(config, default_factory)`, returns an `ssl.SSLContext`: one of its own, or what "
        "`default_factory()` has made of the options, changed. Called again when files of TLS have changed. In a "
        "program, the function itself will do.",
        metavar="MODULE:ATTRIBUTE",
    )
