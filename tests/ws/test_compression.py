"""permessage-deflate: every offer, what is compressed, what is inflated, and bombs (RFC 7692, rule S-3)."""

import itertools
import zlib

import pytest

from esg_core.errors import RequestError
from esg_core.testing import pieces
from esg_ws.compression_offers import Agreement, negotiate, read_offers
from esg_ws.deflate import WORTH_COMPRESSING, Deflate
from esg_ws.frames import RSV1, WebSocketError
from tests.support.ws.frames import BINARY, CONTINUATION, TEXT, close, deflated, frame, text
from tests.support.ws.memory import CODECS, OFFER, Recorder, WebSocketServer, exchange

codecs = pytest.mark.parametrize("codec", CODECS)
LONG = "Grüße aus dem Kompressor. " * 20


def offer(*parameters: str) -> bytes:
    return "; ".join(["permessage-deflate", *parameters]).encode()


def answered(answer: bytes) -> dict[str, str]:
    name, *parameters = answer.decode().split("; ")
    assert name == "permessage-deflate"
    pairs = [parameter.partition("=")[::2] for parameter in parameters]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# Offers.

SERVER_BITS = ["", *(f"server_max_window_bits={bits}" for bits in range(9, 16))]
CLIENT_BITS = ["", "client_max_window_bits", *(f"client_max_window_bits={bits}" for bits in range(8, 16))]
FLAGS = ["", "server_no_context_takeover", "client_no_context_takeover"]


@pytest.mark.parametrize("server_bits", SERVER_BITS)
@pytest.mark.parametrize("client_bits", CLIENT_BITS)
def test_each_combination_of_parameters(server_bits: str, client_bits: str) -> None:
    """RFC 7692 section 7.1: the answer asks for nothing that was not offered, and allows no more than that."""
    for flags in itertools.chain.from_iterable(itertools.combinations(FLAGS[1:], count) for count in range(3)):
        parameters = [parameter for parameter in (server_bits, client_bits, *flags) if parameter]
        for order in itertools.permutations(parameters):
            agreed = negotiate([offer(*order)])
            assert agreed is not None
            answer, agreement = answered(agreed[0]), agreed[1]
            limit = int(server_bits.partition("=")[2] or 15)
            assert int(answer.pop("server_max_window_bits")) == agreement.server_bits == min(12, limit)
            if client_bits:
                limit = int(client_bits.partition("=")[2] or 15)
                assert int(answer.pop("client_max_window_bits")) == agreement.client_bits == min(12, limit)
            else:
                assert agreement.client_bits == 15
            assert answer == dict.fromkeys(flags, "")
            assert agreement.server_keeps == ("server_no_context_takeover" not in flags)
            assert agreement.client_keeps == ("client_no_context_takeover" not in flags)


DECLINED = [
    "server_max_window_bits",
    "server_max_window_bits=8",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=09",
    "server_max_window_bits=+9",
    "client_max_window_bits=7",
    "client_max_window_bits=16",
    "client_max_window_bits=x",
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "server_no_context_takeover; server_no_context_takeover",
    "client_max_window_bits; client_max_window_bits=10",
    "unknown",
    "unknown=1",
    "Server_No_Context_Takeover",
]


@pytest.mark.parametrize("parameters", DECLINED)
def test_an_offer_that_must_be_declined(parameters: str) -> None:
    """Sections 7.1 and 5.1; the next offer is tried."""
    assert negotiate([offer(parameters)]) is None
    assert negotiate([offer(parameters) + b", " + offer()]) == negotiate([offer()])
    assert negotiate([offer(parameters), offer("client_max_window_bits")]) == negotiate(
        [offer("client_max_window_bits")]
    )


@pytest.mark.parametrize("field", [b"", b"x-webkit-deflate-frame", b"permessage-bzip2; a=b, foo", b"permessage-deflat"])
def test_other_extensions_are_declined(field: bytes) -> None:
    assert negotiate([field]) is None


def test_the_grammar_of_offers() -> None:
    """RFC 6455 section 9.1: white space, empty elements, values in quotes."""
    fields = [b' a ; b = "c" ;d\t, ,e;f=g,', b",", b"h"]
    assert read_offers(fields) == [(b"a", [(b"b", b"c"), (b"d", None)]), (b"e", [(b"f", b"g")]), (b"h", [])]
    assert negotiate([offer('client_max_window_bits="10"')]) == negotiate([offer("client_max_window_bits=10")])


@pytest.mark.parametrize(
    "field",
    [b"a b", b"a;", b"a;=b", b"a; b=", b'a; b="', b'a; b="c d"', b'a; b="c"d', b"=", b"a/b", b"\xff", b"a, ;b", b'"a"'],
)
def test_what_is_no_list_of_extensions(field: bytes) -> None:
    with pytest.raises(RequestError) as raised:
        read_offers([field])
    assert raised.value.status == 400


def test_offers_take_linear_time() -> None:
    """Nothing is read twice, however the field continues."""
    for field in (b"a;" * 30_000, b"a," * 30_000 + b"=", b" \t" * 30_000 + b"=", b"a; " + b"b" * 60_000 + b"="):
        with pytest.raises(RequestError):
            read_offers([field])


@codecs
@pytest.mark.parametrize(
    "parameters", ["", "client_max_window_bits", "server_max_window_bits=9; client_max_window_bits=9"]
)
@pytest.mark.parametrize("flags", ["", "; server_no_context_takeover", "; client_no_context_takeover"])
def test_whatever_is_agreed_on_works(codec: str, parameters: str, flags: str) -> None:
    field = b"Sec-WebSocket-Extensions: " + offer(parameters).rstrip(b"; ") + flags.encode() + b"\r\n"
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = server.open(field)
        (agreed,) = [line for line in client.head.split(b"\r\n") if line.startswith(b"sec-websocket-extensions: ")]
        answer = answered(agreed.partition(b": ")[2])
        bits = int(answer.get("client_max_window_bits", "15"))
        own = zlib.compressobj(wbits=-max(9, bits))
        theirs = zlib.decompressobj(wbits=-int(answer["server_max_window_bits"]))
        for number in range(4):
            message = f"{LONG} {number}"
            if "client_no_context_takeover" in answer:
                own = zlib.compressobj(wbits=-max(9, bits))
            payload = (own.compress(message.encode()) + own.flush(zlib.Z_SYNC_FLUSH))[:-4]
            client.say(frame(TEXT, payload, rsv=4))
            sent = client.frames[-1]
            assert sent.first == 0xC1
            if "server_no_context_takeover" in answer:
                theirs = zlib.decompressobj(wbits=-int(answer["server_max_window_bits"]))
            assert theirs.decompress(sent.payload + b"\0\0\xff\xff").decode() == message
        assert len(app.received) == 4


# Messages.


@codecs
def test_examples_of_the_rfc(codec: str) -> None:
    """RFC 7692 section 7.2.3: whole, in fragments, sharing a window, not compressed, with a final block, in two."""
    hello = bytes.fromhex("f248cdc9c90700")
    sent = [
        frame(TEXT, hello, rsv=4),
        frame(TEXT, hello[:3], rsv=4, fin=False) + frame(CONTINUATION, hello[3:]),
        frame(TEXT, bytes.fromhex("f200110000"), rsv=4),
        frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), rsv=4),
        frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=4),
        frame(TEXT, bytes.fromhex("f24805000000ffffcac9c90700"), rsv=4),
    ]
    app, client = exchange(codec, sent, OFFER)
    assert app.received == ["Hello"] * 6
    assert client.code is None


@codecs
@pytest.mark.parametrize("step", [1, 3, 50])
def test_compressed_messages_in_any_pieces_and_fragments(codec: str, step: int) -> None:
    payload = deflated(LONG.encode())
    parts = list(pieces(payload, 7))
    fragmented = b"".join(
        frame(CONTINUATION if at else TEXT, part, rsv=0 if at else 4, fin=at == len(parts) - 1)
        for at, part in enumerate(parts)
    )
    app, _ = exchange(codec, pieces(frame(TEXT, payload, rsv=4) + fragmented + text("plain"), step), OFFER)
    assert app.received == [LONG, LONG, "plain"]


@codecs
@pytest.mark.parametrize("size", [0, 1, WORTH_COMPRESSING - 1, WORTH_COMPRESSING, 1000, 100_000])
def test_s3_short_messages_are_not_compressed(codec: str, size: int) -> None:
    app, client = exchange(codec, [frame(BINARY, b"x" * size)], OFFER)
    (sent,) = client.frames
    is_compressed = bool(sent.first & RSV1)
    assert is_compressed == (size >= WORTH_COMPRESSING)
    assert app.received == [b"x" * size]
    if is_compressed:
        assert len(sent.payload) < 20 + size // 200


@codecs
@pytest.mark.parametrize("payload", [b"", deflated(b""), b"\x00"], ids=["nothing", "empty", "the byte of the rfc"])
def test_an_empty_message(codec: str, payload: bytes) -> None:
    """Section 7.2.3.6."""
    app, client = exchange(codec, [frame(TEXT, payload, rsv=4), text("next")], OFFER)
    assert (app.received, client.code) == (["", "next"], None)


@codecs
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\xff\xff\xff", 1002),
        (bytes.fromhex("f248cdc9c907") + b"\xff" * 4, 1002),
        (deflated(b"\xff\xfe"), 1007),
        (b"\x03\x00" * 20, 1002),
    ],
    ids=["no deflate", "garbage behind", "no text", "many streams"],
)
def test_what_cannot_be_inflated(codec: str, payload: bytes, code: int) -> None:
    _, client = exchange(codec, [frame(TEXT, payload, rsv=4)], OFFER)
    assert client.code == code


# Bombs.


@codecs
@pytest.mark.parametrize("is_fragmented", [False, True])
def test_s3_a_bomb_is_stopped_while_it_inflates(codec: str, is_fragmented: bool) -> None:
    """1009 as soon as more comes out than a message may hold."""
    bomb = deflated(bytes(50_000_000))
    assert len(bomb) < 65536
    sent = [frame(BINARY, bomb, rsv=4)]
    if is_fragmented:
        parts = list(pieces(bomb, 500))
        sent = [
            frame(CONTINUATION if at else BINARY, part, rsv=0 if at else 4, fin=False) for at, part in enumerate(parts)
        ]
    app, client = exchange(codec, sent, OFFER, ws_max_size=1_000_000)
    assert (app.received, client.code) == ([], 1009)


@codecs
@pytest.mark.parametrize(("excess", "code"), [(0, None), (1, 1009)])
def test_s3_what_a_message_inflates_to_may_be_as_large_as_it_may(codec: str, excess: int, code: int | None) -> None:
    content = bytes(1000 + excess)
    app, client = exchange(codec, [frame(BINARY, deflated(content), rsv=4)], OFFER, ws_max_size=1000)
    assert (len(app.received), client.code) == (1 - excess, code)


@codecs
def test_s3_data_that_does_not_compress_may_be_as_large_too(codec: str) -> None:
    import random

    content = random.Random(1).randbytes(10_000)
    compressor = zlib.compressobj(wbits=-9, memLevel=1)
    payload = (compressor.compress(content) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(payload) > len(content)
    app, _ = exchange(codec, [frame(BINARY, payload, rsv=4)], OFFER, ws_max_size=10_000)
    assert app.received == [content]


def test_an_inflater_never_gives_more_than_one_byte_too_much() -> None:
    deflate = Deflate(Agreement(client_bits=15), 100)
    with pytest.raises(WebSocketError, match="more than 100 bytes"):
        deflate.inflate(deflated(bytes(10_000_000)), end=True)


def test_a_compressor_that_is_not_used_is_given_back() -> None:
    """The same inflater can still read what follows."""
    deflate = Deflate(Agreement(), 1000)
    theirs = zlib.decompressobj(wbits=-12)

    def said() -> bytes:
        return theirs.decompress(deflate.compress(LONG.encode()) + b"\0\0\xff\xff")

    first = len(deflate.compress(LONG.encode()))
    theirs = zlib.decompressobj(wbits=-12)
    deflate = Deflate(Agreement(), 1000)
    assert said().decode() == LONG
    deflate.rest()
    assert len(deflate.compress(LONG.encode())) < first / 3
    theirs = zlib.decompressobj(wbits=-12)
    deflate.rest()
    deflate.rest()
    assert said().decode() == LONG


@codecs
def test_memory_is_given_back_when_a_ping_is_answered(codec: str) -> None:
    """And everything still works: text in fragments, compressed messages that refer to earlier ones, closing."""
    app = Recorder()
    with WebSocketServer(app, codec, ws_ping_interval=1) as server:
        client = server.open(OFFER)
        own = zlib.compressobj(wbits=-12)
        for count in range(1, 4):
            payload = (own.compress(LONG.encode()) + own.flush(zlib.Z_SYNC_FLUSH))[:-4]
            client.say(frame(TEXT, payload, rsv=4), frame(TEXT, "ß".encode()[:1], fin=False))
            client.wait(1)
            pings = [sent for sent in client.frames if sent.opcode == 9]
            assert len(pings) == count
            client.say(frame(0xA, pings[-1].payload), frame(CONTINUATION, "ß".encode()[1:]))
        client.say(close())
        assert app.received == [LONG, "ß"] * 3
        assert client.code == 1000
