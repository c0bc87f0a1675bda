"""Header sections of responses: a remembered block must mean the same each time (RFC 7541 section 2.3.2)."""

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.asgi import Headers
from esg_http.h2.coding.hpack import HeaderEncoder
from esg_http.message.response_head import HeadPrefix, encode_fields
from esg_http.multiplexed.response_heads import ResponseHeads

FIELDS = st.tuples(
    st.sampled_from([b"content-type", b"set-cookie", b"x-a", b"x-b"]),
    st.sampled_from([b"a", b"b", b"", b"c" * 90, b"d" * 500]),
)
RESPONSES = st.lists(st.tuples(st.sampled_from([200, 299]), st.lists(FIELDS, max_size=3)), min_size=1, max_size=3)
TURNS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([None, None, None, 0, 100, 4096])), max_size=20)


@settings(deadline=None)
@given(RESPONSES, TURNS)
def test_another_decoder_reads_each_of_them(responses: list[tuple[int, Headers]], turns: list[tuple[int, int]]) -> None:
    """In any order, and while the client changes the size of its table."""
    encoder, other = HeaderEncoder(), hpack.Decoder()
    heads = ResponseHeads(encoder, HeadPrefix(True, None, (), lambda: 0.0, lambda *_: None))
    for turn, size in turns:
        if size is not None:
            encoder.resize(size)
            other.max_allowed_table_size = size
        status, fields = responses[turn % len(responses)]
        block = heads.encode(status, encode_fields(fields))
        wanted = [(b":status", b"%d" % status), (b"server", b"esg"), *fields]
        assert [(bytes(name), bytes(value)) for name, value in other.decode(block, raw=True)] == wanted
