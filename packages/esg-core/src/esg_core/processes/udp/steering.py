"""Makes the kernel pass each QUIC packet to the worker that it is for (rule Q-20).

The sockets of a group are bound to one port. A program of the kernel's classic BPF looks at each datagram and says
which of them gets it: by the mark in the connection ID, which is where RFC 8999 has it in every version of QUIC. Knows
neither workers nor what is in packets otherwise. Linux only.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence

SO_ATTACH_REUSEPORT_CBPF = 51
"""Linux' number for it; Python has no name for it."""

ID_LENGTH = 8
"""Bytes of the IDs that have a mark; two bytes of magic and one for the number of a seat are the first of them."""

_INSTRUCTION = struct.Struct("=HBBI")

_LOAD_WORD_AT_X, _LOAD_HALF_AT_X, _LOAD_BYTE_AT_X = 0x40, 0x48, 0x50
_LOAD_BYTE, _SET_X = 0x30, 0x01
_MODULO, _JUMP, _IF_EQUAL, _IF_BITS, _RETURN = 0x94, 0x05, 0x15, 0x45, 0x06
"""Codes of instructions: see the kernel's Documentation/networking/filter.rst. Conditional jumps reach 255 further, so
each has what it leads to right behind it. A load beyond the end of the datagram returns 0."""


def steering_program(magic: bytes, alive: Sequence[int], chosen: Sequence[int]) -> bytes:
    """The program for a group.

    A packet whose ID has the mark of a seat that is `alive` is for that seat. All others, those of new connections, are
    for one of `chosen`, for the same one as long as the client sends to the same ID.
    """
    by_seat = [step for seat in alive for step in _return_if(seat, seat)]
    return b"".join(
        (
            _step(_LOAD_BYTE, 0),
            _step(_IF_BITS, 0x80, yes=2),
            _step(_SET_X, 1),  # a short header: the ID follows
            _step(_JUMP, 4),
            _step(_SET_X, 6),  # a long one: version and length come first
            _step(_LOAD_BYTE, 5),
            _step(_IF_EQUAL, ID_LENGTH, yes=1),
            _step(_JUMP, 4 + len(by_seat)),
            _step(_LOAD_HALF_AT_X, 0),
            _step(_IF_EQUAL, int.from_bytes(magic, "big"), yes=1),
            _step(_JUMP, 1 + len(by_seat)),
            _step(_LOAD_BYTE_AT_X, 2),
            *by_seat,
            *_spread(chosen),
        )
    )


def attach(sock: socket.socket, program: bytes) -> None:
    """Let a program choose among the group that a socket belongs to, at once and for all of it; raises `OSError`."""
    steps = ctypes.create_string_buffer(program)
    length = len(program) // _INSTRUCTION.size
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("@HP", length, ctypes.addressof(steps)))


def _spread(chosen: Sequence[int]) -> list[bytes]:
    if not chosen:
        return [_step(_RETURN, 0)]
    return [
        _step(_LOAD_WORD_AT_X, 0),
        _step(_MODULO, len(chosen)),
        *(step for number, seat in enumerate(chosen) for step in _return_if(number, seat)),
        _step(_RETURN, 0),
    ]


def _return_if(value: int, seat: int) -> tuple[bytes, bytes]:
    return _step(_IF_EQUAL, value, no=1), _step(_RETURN, seat)


def _step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, yes, no, operand)
