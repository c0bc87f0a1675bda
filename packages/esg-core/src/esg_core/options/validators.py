"""Checks the syntax of option values that are text; each function answers yes or no.

Looks at the text alone: imports nothing that it names, opens no path, asks no name server.
"""

import re

from esg_core.errors import UsageError
from esg_core.header_fields import TOKEN

FRAMING_FIELDS = frozenset({"connection", "content-length", "transfer-encoding"})
"""Fields that say where a message ends or whether the connection stays open: ESG sets them for each response."""

_FIELD = re.compile(rf"(?P<name>{TOKEN}+):[ -~\t\x80-\xff]*")


def is_import_string(text: str) -> bool:
    """Whether the text has the shape `package.module:attribute.attribute`."""
    module, colon, attribute = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def is_name_or_import_string(text: str) -> bool:
    """Whether the text may be the name of an entry point, or is an import string."""
    return re.fullmatch(r"[\w.-]+", text) is not None or is_import_string(text)


def is_one_line(text: str) -> bool:
    """Whether the text is printable and not blank."""
    return bool(text.strip()) and text.isprintable()


def is_path(text: str) -> bool:
    """Whether the text may name a file or a directory."""
    return bool(text) and text.isprintable()


def is_pattern(text: str) -> bool:
    """Whether the text may be a path pattern that names something."""
    return text.isprintable() and any(part not in ("", ".") for part in re.split(r"[/\\]", text))


def is_host(text: str) -> bool:
    """Whether the text may be a host name or an address: an IPv6 address without its brackets.

    A host with a port passes here: `esg_core.options.conflicts` refuses it, and says which options to use.
    """
    return re.fullmatch(r"[^\s/\[\]]+|\[[^\s/\[\]]+\]:\d+", text) is not None


def is_url_path(text: str) -> bool:
    """Whether the text is an absolute path of a URL, without query and fragment."""
    return re.fullmatch(r"/[^\s?#]*", text) is not None


def is_mount_path(text: str) -> bool:
    """Whether the text is empty or an absolute path."""
    return not text or is_url_path(text)


def is_header(text: str) -> bool:
    """Whether the text is `Name:Value` (RFC 9110 section 5) and does not touch message framing."""
    field = _FIELD.fullmatch(text)
    return field is not None and field["name"].lower() not in FRAMING_FIELDS


def is_access_pattern(text: str) -> bool:
    """Whether `esg_core.options.access_patterns` accepts the text as a pattern."""
    from esg_core.options.access_patterns import read_pattern

    return read_pattern(text) is not None


def is_peer(text: str) -> bool:
    """Whether `esg_core.proxy.trust.TrustedProxies` accepts the text as an entry of its list."""
    from esg_core.proxy.trust import TrustedProxies

    try:
        TrustedProxies((text,))
    except UsageError:
        return False
    return True
