"""What responses say about other protocols on their port (rule Q-17)."""

from functools import partial

from esg_core.header_fields import Alternatives
from esg_http.message.response_head import HeadPrefix


def test_q17_ports_that_have_http3_are_named_until_that_is_withdrawn() -> None:
    alternatives = Alternatives(frozenset({443}), 60)
    told: list[int] = []
    assert alternatives.value(443) == b'h3=":443"; ma=60'
    assert alternatives.value(80) is None
    assert alternatives.value(None) is None
    alternatives.watch(partial(told.append, 1))
    for _ in range(2):
        alternatives.withdraw()
        assert alternatives.value(443) is None
    assert told == [1]


def test_q17_a_prefix_leaves_out_a_line_from_now_on() -> None:
    fields = ((b"x-frame-options", b"DENY"), (b"alt-svc", b"h3"))
    prefix = HeadPrefix(False, None, fields, float, lambda _seconds, _callback: None)
    assert prefix.get(200) == b"HTTP/1.1 200 OK\r\nx-frame-options: DENY\r\nalt-svc: h3\r\n"
    prefix.drop(b"alt-svc: h3\r\n")
    assert prefix.get(200) == b"HTTP/1.1 200 OK\r\nx-frame-options: DENY\r\n"
    assert prefix.without(200, 0) == prefix.get(200)
