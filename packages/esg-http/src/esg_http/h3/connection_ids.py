"""The connection IDs that a server gives out, and their reset tokens (RFC 9000 sections 5.1, 10.3).

Pure but for randomness. An ID is magic (2 bytes), slot (1) and random (5): the magic tells our IDs from those that
clients invent, the slot says which process of a server owns the connection. Both are in clear.
"""

import hashlib
import hmac
import secrets

LENGTH = 8
"""Bytes of each of our IDs; short headers do not say how long an ID is."""

RESET_TOKEN = 16


class ConnectionIds:
    """IDs of one process: `magic` and `key` (at least 16 bytes) are those of the server, `slot` is its own."""

    __slots__ = ("_key", "_prefix", "magic")

    def __init__(self, magic: bytes, slot: int, key: bytes) -> None:
        self.magic = magic
        self._prefix = magic + bytes((slot,))
        self._key = key

    @classmethod
    def fresh(cls) -> "ConnectionIds":
        """Those of a server of one process, different at each start."""
        return cls(secrets.token_bytes(2), 0, secrets.token_bytes(32))

    def make(self) -> bytes:
        """A new ID."""
        return self._prefix + secrets.token_bytes(LENGTH - len(self._prefix))

    def is_ours(self, connection_id: bytes) -> bool:
        """Whether this server may have made an ID; one that a client invented is taken for ours once in 65,536."""
        return len(connection_id) == LENGTH and connection_id.startswith(self.magic)

    def reset_token(self, connection_id: bytes) -> bytes:
        """The token that ends the connection with this ID; only we can make it."""
        return hmac.digest(self._key, connection_id, hashlib.sha256)[:RESET_TOKEN]
