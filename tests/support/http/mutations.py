"""Requests for fuzzing: composed of mostly valid parts, or cases of the corpus with a few changes."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import strategies as st

from tests.http.corpus import CASES

SEEDS = [case.data for case in CASES if len(case.data) < 1000 and not case.options]

SNIPPETS = [
    *(bytes((byte,)) for byte in b'\0\x01\t\n\x0b\x0c\r\x1b\x1c "#%&+,-./05:;=?@[\\]_afxz{|}~\x7f\x80\x85\xa0\xff'),
    *(b"\r\n", b"\r\n\r\n", b"\n\n", b"\r\r\n", b"\n\r\n", b"\r\n ", b"\r\n\t", b"  ", b"\t ", b", ", b"; "),
    *(b"%00", b"%0d%0a", b"%ff", b"%", b"//", b"*", b"http://t", b"https://t:80/", b"?", b"#f", b"/../"),
    *(b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"GET ", b"HEAD ", b"CONNECT ", b"OPTIONS ", b"PRI "),
    *(b"chunked", b"Chunked", b"gzip, ", b"identity", b"close", b"keep-alive", b"upgrade", b"100-continue"),
    *(
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"1\r\nx\r\n0\r\nX: y\r\n\r\n",
        b"ffffffffffffffff",
        b"0x5",
        b"+5",
        b"-1",
        b"5, 5",
    ),
]

NAMES = [
    b"Host",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Connection",
    b"Upgrade",
    b"Expect",
    b"TE",
    b"Trailer",
    b"X",
]

VALUES = {
    b"Content-Length": [b"5", b"5", b"0", b"3", b"05", b"5, 5", b"+5", b"", b"99999999999999999999", b"5 ", b"\t5\t"],
    b"Transfer-Encoding": [
        b"chunked",
        b"chunked",
        b"Chunked",
        b"gzip, chunked",
        b"identity",
        b"chunked,",
        b"\x0bchunked",
    ],
    b"Connection": [b"close", b"keep-alive", b"upgrade", b"keep-alive, close", b"", b"te"],
    b"Upgrade": [b"foo", b"h2c", b"websocket", b""],
    b"Expect": [b"100-continue", b"100-Continue", b"foo", b""],
    b"Host": [b"t", b"u", b""],
    b"TE": [b"trailers", b"chunked", b"trailers;q=0.5", b""],
    b"Trailer": [b"X", b"Content-Length"],
    b"X": [b"v", b"", b" \t v \t ", b"\xe9", b"a\x0bb", b"a\nb", b"a\rb", b"v" * 100],
}
HOSTS = [*[b"t"] * 10, b"t:80", b"", b"a b", b"u@t", b"[::1]", b"t/"]

REQUEST_LINES = [
    *(b"GET / HTTP/1.1", b"POST /a?b HTTP/1.1", b"POST / HTTP/1.1", b"HEAD / HTTP/1.1", b"GET / HTTP/1.0"),
    *(b"POST / HTTP/1.0", b"OPTIONS * HTTP/1.1", b"GET http://t/ HTTP/1.1", b"FOO /%20 HTTP/1.1", b"GET  / HTTP/1.1"),
    *(b"CONNECT t:1 HTTP/1.1", b"GET / HTTP/1.2", b"GET /\xe9 HTTP/1.1", b"GET /"),
]

BODIES = [
    b"",
    b"hello",
    b"hel",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
]


@st.composite
def composed(draw: st.DrawFn) -> bytes:
    """A request of mostly valid parts."""
    lines = [draw(st.sampled_from(REQUEST_LINES)), b"Host: " + draw(st.sampled_from(HOSTS))]
    for name in draw(st.lists(st.sampled_from(list(VALUES)), max_size=4)):
        colon = draw(st.sampled_from([b": ", b": ", b": ", b":", b" :", b":\t"]))
        lines.append(name + colon + draw(st.sampled_from(VALUES[name])))
    if draw(st.integers(0, 9)) == 0:
        del lines[1]
    end = draw(st.sampled_from([b"\r\n"] * 12 + [b"\n"]))
    return end.join([*lines, b"", b""]) + draw(st.sampled_from(BODIES))


def insert(data: bytes, at: int, snippet: bytes) -> bytes:
    return data[:at] + snippet + data[at:]


def overwrite(data: bytes, at: int, snippet: bytes) -> bytes:
    return data[:at] + snippet + data[at + len(snippet) :]


def delete(data: bytes, at: int, snippet: bytes) -> bytes:
    return data[:at] + data[at + len(snippet) :]


def repeat_line(data: bytes, at: int, snippet: bytes) -> bytes:
    """Write the line at `at` twice."""
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at) + 1 or len(data)
    return data[:end] + data[start:end] + data[end:]


def move_line(data: bytes, at: int, snippet: bytes) -> bytes:
    """Put the line at `at` before the empty line."""
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at) + 1 or len(data)
    rest = data[:start] + data[end:]
    goal = rest.find(b"\r\n\r\n") + 2
    return rest[:goal] + data[start:end] + rest[goal:]


CHANGES: list[Callable[[bytes, int, bytes], bytes]] = [insert, insert, overwrite, delete, repeat_line, move_line]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A case of the corpus, or a composed request, with up to three changes."""
    data = draw(st.sampled_from(SEEDS) | composed())
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(CHANGES))
        data = change(data, draw(st.integers(0, len(data))), draw(st.sampled_from(SNIPPETS)))
    return data


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """What a client sends on one connection: up to four requests, some of them repeated."""
    requests = draw(st.lists(mutated(), min_size=1, max_size=3))
    return b"".join(draw(st.lists(st.sampled_from(requests), min_size=1, max_size=4)))


@st.composite
def segmented(draw: st.DrawFn, data: st.SearchStrategy[bytes]) -> list[bytes]:
    """The same bytes in segments that are cut at critical places, or anywhere."""
    stream = draw(data)
    ends = [at + shift for at in range(len(stream)) if stream[at : at + 2] == b"\r\n" for shift in (0, 1, 2)]
    places = st.integers(0, len(stream)) | (st.sampled_from(ends) if ends else st.nothing())
    cuts = [0, *sorted(set(draw(st.lists(places, max_size=8)))), len(stream)]
    return [stream[start:end] for start, end in pairwise(cuts) if start < end]
