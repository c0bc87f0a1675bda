"""Keys of TLS session tickets, the same in all workers of one parent, and changed in time (rule W-11).

A client that comes back shows a ticket, and neither side needs the costly half of a handshake. OpenSSL encrypts tickets
with keys that it makes up for each context, so another worker, or a context with a renewed certificate, cannot read
them. Python has no function to set these keys, but OpenSSL has one: it is called in the very library that `ssl` uses,
and only after tests on a context of no importance. Where it cannot be called, contexts keep the keys of their own.

The keys are derived from a secret, which each process replaces by its hash at the same moments. So nothing is sent when
keys change, and the secret of today does not tell the keys of yesterday.
"""

import functools
import hashlib
import logging
import os
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

PERIOD = 12 * 3600.0
"""Seconds after which keys change; clients with older tickets then need one full handshake. OpenSSL's tickets live for
two hours, so a key is in use for 14 hours at most."""

_GET_KEYS, _SET_KEYS = 58, 59
"""SSL_CTRL_GET_TLSEXT_TICKET_KEYS and its sibling: what OpenSSL's macros of these names call."""

_MOST = 256
"""More bytes of keys than any version of OpenSSL uses: 80."""


class TicketKeys:
    """The secret from which processes that share it derive keys; a copy goes on by itself."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._period = _period()

    def age(self) -> float:
        """Forget the secrets of former periods; returns when, by `time.monotonic()`, to call this again."""
        while self._period < _period():
            self._secret = hashlib.sha256(b"next" + self._secret).digest()
            self._period += 1
        return (self._period + 1) * PERIOD

    def derive(self, policy: bytes, size: int) -> bytes:
        """The keys for contexts with this policy about clients: a ticket must not outlive it."""
        return hashlib.shake_256(b"keys" + self._secret + policy).digest(size)


class TLSContext(NamedTuple):
    """A context, and what its tickets depend on: clients that were let in under another policy must be checked again.

    A policy of None, which is not known, makes the context keep the keys of its own.
    """

    context: ssl.SSLContext
    policy: bytes | None


class WithTickets:
    """Returns the context of the next connection, with the present keys; `newest` returns the newest context."""

    def __init__(self, newest: Callable[[], TLSContext], keys: TicketKeys) -> None:
        self._newest = newest
        self._keys = keys
        self._current: TLSContext | None = None
        self._age_at = keys.age()
        self()

    def __call__(self) -> ssl.SSLContext:
        """The context; called once for each connection."""
        newest = self._newest()
        if newest is not self._current or time.monotonic() >= self._age_at:
            self._current = newest
            self._age_at = self._keys.age()
            if newest.policy is not None:
                set_ticket_keys(newest.context, functools.partial(self._keys.derive, newest.policy))
        return newest.context


def set_ticket_keys(context: ssl.SSLContext, keys: Callable[[int], bytes]) -> bool:
    """Encrypt tickets with `keys(size)`; returns whether that is possible with this Python and this OpenSSL."""
    openssl = _openssl()
    if openssl is None:
        return False
    return openssl.set_keys(context, keys)


class _OpenSSL:
    """The functions of the library that `ssl` uses; raises `AttributeError`, `OSError` or `ImportError`."""

    def __init__(self) -> None:
        import _ssl
        import ctypes

        library = ctypes.CDLL(_ssl.__file__)  # what the module does not have itself is looked up in its own OpenSSL
        self._pointer: Any = ctypes.c_void_p
        self._control = library.SSL_CTX_ctrl
        self._control.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)
        self._control.restype = ctypes.c_long
        self._options = library.SSL_CTX_get_options
        self._options.argtypes = (ctypes.c_void_p,)
        self._options.restype = ctypes.c_uint64
        self._buffer = ctypes.create_string_buffer

    def set_keys(self, context: ssl.SSLContext, keys: Callable[[int], bytes]) -> bool:
        """Set the keys and read them back; returns whether they are set."""
        inner = self._inner(context)
        if inner is None:
            return False
        size = self._control(inner, _GET_KEYS, 0, None)
        if not 0 < size <= _MOST:
            return False
        wanted, found = keys(size), self._buffer(size)
        has_set = self._control(inner, _SET_KEYS, size, wanted) == 1
        return has_set and self._control(inner, _GET_KEYS, size, found) == 1 and found.raw == wanted

    def _inner(self, context: ssl.SSLContext) -> int | None:
        """The `SSL_CTX *` of a context, which follows the head of the object; it must have the options of the context.

        CPython has kept it there since there are contexts; `_openssl()` does not go beyond the versions that are known.
        """
        inner: int | None = self._pointer.from_address(id(context) + object.__basicsize__).value
        return inner if inner and self._options(inner) == context.options & (2**64 - 1) else None


@functools.cache
def _openssl() -> _OpenSSL | None:
    """The library, if it proves to do what is expected; otherwise None, and the log says so."""
    if sys.implementation.name == "cpython" and sys.version_info < (3, 16):
        try:
            found = _OpenSSL()
        except (AttributeError, OSError, ImportError):
            pass
        else:
            if _works(found):
                return found
    logging.getLogger("esg.error").debug("TLS sessions end with their worker: this Python cannot share their keys")
    return None


def _works(openssl: _OpenSSL) -> bool:
    """Try it with a context whose options have been changed, so that agreement is no chance."""
    probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for options in (probe.options | ssl.OP_NO_TICKET, probe.options):
        probe.options = options
        if not openssl.set_keys(probe, bytes):
            return False
    return True


def _period() -> int:
    """The number of the present period; the clock is that of the machine, so processes agree, and it never jumps."""
    return int(time.monotonic() // PERIOD)
