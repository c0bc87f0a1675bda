"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).

Sans-I/O. The code is canonical: the codes of one length follow each other in the order of their symbols, so the symbols
by length are the whole table. Decoding takes a byte at a time through states that learn: in each state, half a byte is
decoded bit by bit once, a byte by its halves once, and both are looked up from then on.
"""

from collections.abc import Iterator

_SYMBOLS = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: bytes.fromhex("5cc3d0"),
    20: bytes.fromhex("808283a2b8c2e0e2"),
    21: bytes.fromhex("99a1a7acb0b1b3d1d8d9e3e5e6"),
    22: bytes.fromhex("8184858688929a9ca0a3a4a9aaadb2b5b9babbbdbec4c6e4e8e9"),
    23: bytes.fromhex("0187898a8b8c8d8f93959697989b9d9ea5a6a8aeafb4b6b7bcbfc5e7ef"),
    24: bytes.fromhex("098e9091949fabced7e1eced"),
    25: bytes.fromhex("c7cfeaeb"),
    26: bytes.fromhex("c0c1c8c9cacdd2d5dadbeef0f2f3ff"),
    27: bytes.fromhex("cbccd3d4d6dddedff1f4f5f6f7f8fafbfcfdfe"),
    28: bytes.fromhex("020304050607080b0c0e0f1011121314151718191a1b1c1d1e1f7fdcf9"),
    30: bytes.fromhex("0a0d16"),
}
"""Length of a code in bits -> the bytes with codes of that length. EOS has the last code: thirty ones."""

LONGEST_PADDING = 7
"""Bits of EOS that may follow the last symbol (RFC 7541 section 5.2)."""


def _codes() -> Iterator[tuple[int, str]]:
    """Each byte with its code in binary digits."""
    code = before = 0
    for length, symbols in _SYMBOLS.items():
        code <<= length - before
        before = length
        for symbol in symbols:
            yield symbol, f"{code:0{length}b}"
            code += 1


_CODES = [code for _, code in sorted(_codes())]


class _State(dict[int, tuple[bytes, "_State"]]):
    """A place between two codes or within one: next byte of input -> the symbols that it completes, and the next place.

    Raises `KeyError` for a byte that leads nowhere: part of the code of EOS (RFC 7541 section 5.2).
    """

    def __init__(self, may_end: bool) -> None:
        self.may_end = may_end
        self.branches: list[_State | int | None] = [None, None]
        self.halves: list[tuple[bytes, _State] | None] = [None] * 16

    def __missing__(self, byte: int) -> tuple[bytes, "_State"]:
        symbols, middle = self.halves[byte >> 4] or self.read_half(byte >> 4)
        more, end = middle.halves[byte & 15] or middle.read_half(byte & 15)
        found = self[byte] = (symbols + more, end)
        return found

    def read_half(self, half: int) -> tuple[bytes, "_State"]:
        """Decode four bits, one by one."""
        state = self
        symbols = bytearray()
        for shift in (3, 2, 1, 0):
            branch = state.branches[half >> shift & 1]
            if branch is None:
                raise KeyError(half)
            if isinstance(branch, int):
                symbols.append(branch)
                branch = _ROOT
            state = branch
        found = self.halves[half] = (bytes(symbols), state)
        return found


def _tree() -> _State:
    root = _State(may_end=True)
    for symbol, code in enumerate(_CODES):
        state = root
        for depth, bit in enumerate(code[:-1], 1):
            branch = state.branches[int(bit)]
            if not isinstance(branch, _State):
                may_end = depth <= LONGEST_PADDING and "0" not in code[:depth]
                branch = state.branches[int(bit)] = _State(may_end)
            state = branch
        state.branches[int(code[-1])] = symbol
    return root


_ROOT = _tree()


def decode(data: bytes) -> bytes:
    """The string that a code stands for; raises `ValueError` for wrong padding and for EOS."""
    parts = []
    state = _ROOT
    try:
        for byte in data:
            symbols, state = state[byte]
            parts.append(symbols)
    except KeyError:
        raise ValueError("EOS in a Huffman code") from None
    if not state.may_end:
        raise ValueError("a Huffman code is not padded with the first bits of EOS")
    return b"".join(parts)


def encode(data: bytes) -> bytes:
    """The code of a string, padded to whole bytes."""
    digits = "".join([_CODES[byte] for byte in data])
    digits += "1" * (-len(digits) % 8)
    return int(digits or "0", 2).to_bytes(len(digits) // 8, "big")
