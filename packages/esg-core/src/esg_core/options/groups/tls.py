"""Options about certificates and TLS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from esg_core.options.groups.shorthands import FilePath
from esg_core.options.named_certificates import is_named_certificate
from esg_core.options.option import Group, option
from esg_core.options.value_types import Choice, Importable, ListOf, Number, Text

Certificates = Annotated[Sequence[str], ListOf("HOST=CERT or HOST=CERT:KEY", is_named_certificate, "HOST=CERT:KEY")]
MinimumVersion = Annotated[Literal["TLSv1.2", "TLSv1.3"] | None, Choice(("TLSv1.2", "TLSv1.3"))]
ContextFactory = Annotated[str | Callable[..., Any] | None, Importable()]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class TLSOptions:
    """TLS."""

    ssl_certfile: FilePath = option(
        None,
        Group.TLS,
        "Certificate with its chain, in PEM; turns TLS on.",
        "TLS files are reloaded when they change; the new contents apply to new connections.",
    )
    ssl_keyfile: FilePath = option(None, Group.TLS, "Private key in PEM, if it is not in the certificate file.")
    ssl_keyfile_password: Annotated[str | None, Text(secret=True)] = option(
        None,
        Group.TLS,
        "Password of the private key.",
        "Every user of the machine can see the command line: use the environment variable instead.",
    )
    ssl_sni: Certificates = option(
        (),
        Group.TLS,
        "Certificate for clients that ask for HOST. Repeatable.",
        "`HOST=CERT` if the key is in the same file. On Windows, write a semicolon before the key. `*.HOST` covers "
        "names with one more label. All other clients get `ssl_certfile`.",
    )
    ssl_version: Annotated[int, Number(2, 17)] = option(
        17,
        Group.TLS,
        "TLS protocol, as a number of Python's ssl module.",
        "17 is `ssl.PROTOCOL_TLS_SERVER`: the highest version that both sides support.",
    )
    ssl_min_version: MinimumVersion = option(
        None,
        Group.TLS,
        "Lowest TLS version that is spoken.",
        "By default, what OpenSSL's configuration says: TLS 1.2 unless the system demands more.",
    )
    ssl_cert_reqs: Annotated[int, Number(0, 2)] = option(
        0, Group.TLS, "Client certificate: 0 none, 1 optional, 2 required.", "The values of `ssl.VerifyMode`."
    )
    ssl_ca_certs: FilePath = option(None, Group.TLS, "Authorities that may sign client certificates, in PEM.")
    ssl_crl: FilePath = option(
        None,
        Group.TLS,
        "Lists of revoked client certificates (CRL), in PEM.",
        "For use with `ssl_cert_reqs`. Each authority in a client's chain, the root included, must have a current list "
        "in the file: clients of an authority whose list is missing or has expired are refused too.",
    )
    ssl_ciphers: Annotated[str | None, Text("a cipher list of OpenSSL")] = option(
        None,
        Group.TLS,
        "Cipher list, in OpenSSL's format.",
        "By default, OpenSSL's own secure list.",
        metavar="CIPHERS",
    )
    ssl_context_factory: ContextFactory = option(
        None,
        Group.TLS,
        "Function that returns the TLS context, as MODULE:ATTRIBUTE.",
        "Called with `(config, default_factory)`; returns an `ssl.SSLContext`: its own, or the one that "
        "`default_factory()` makes from the options, modified. Called again when TLS files change. In a program, it "
        "can be the function itself.",
        metavar="MODULE:ATTRIBUTE",
    )
