"""The output of wrk and h2load is read correctly, and a load with failures is no result."""

import pytest

from benchmarks.loads import Counted, LoadError, NoResult, parse_h2load, parse_wrk, percentile

WRK = """\
Running 1s test @ http://127.0.0.1:43133/
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   617.17us  461.77us   4.32ms   79.95%
    Req/Sec     3.44k   110.25     3.55k    80.00%
  Latency Distribution
     50%  371.00us
     75%    0.88ms
     90%    1.21ms
     99%    2.36ms
  3421 requests in 1.00s, 454.51KB read
Requests/sec:   3412.01
Transfer/sec:    453.31KB
"""

H2LOAD = """\
finished in 1.00s, 13290.00 req/s, 1.67MB/s
requests: 13290 total, 13298 started, 13290 done, 13290 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 13290 2xx, 0 3xx, 0 4xx, 0 5xx
"""

H2LOAD_LOG = "1795241785073333\t200\t2000\n1795241785073349\t200\t4000\n"


def test_the_report_of_wrk_is_read() -> None:
    assert parse_wrk(WRK, 1) == Counted(3421, 3412.01, 2.36)


@pytest.mark.parametrize(("shown", "milliseconds"), [("371.00us", 0.371), ("2.36ms", 2.36), ("1.50s", 1500.0)])
def test_latencies_of_wrk_have_units(shown: str, milliseconds: float) -> None:
    assert parse_wrk(WRK.replace("2.36ms", shown), 1).p99_ms == pytest.approx(milliseconds)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("  Socket errors: connect 0, read 3, write 0, timeout 0\n", "read 3"),
        ("  Non-2xx or 3xx responses: 12\n", "responses: 12"),
    ],
)
def test_failures_under_wrk_are_no_result(trouble: str, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        parse_wrk(WRK + trouble, 1)


def test_no_report_is_no_result() -> None:
    with pytest.raises(LoadError, match="wrk has no report"):
        parse_wrk("", 4)
    with pytest.raises(LoadError, match="h2load has no report"):
        parse_h2load("", "", 4)


def test_no_request_is_no_result_in_the_time_of_the_load() -> None:
    with pytest.raises(NoResult, match="no result in 4 s"):
        parse_wrk(WRK.replace("3421 requests", "0 requests"), 4)
    with pytest.raises(NoResult, match="no result in 4 s"):
        parse_h2load(H2LOAD.replace("13290", "0"), "", 4)


def test_the_report_and_the_log_of_h2load_are_read() -> None:
    counted = parse_h2load(H2LOAD, H2LOAD_LOG, 1)
    assert (counted.requests, counted.rps) == (13290, 13290.0)
    assert counted.p99_ms == pytest.approx(3.98)


def test_failures_under_h2load_are_no_result() -> None:
    with pytest.raises(LoadError, match="5000 failed"):
        parse_h2load(H2LOAD.replace("0 failed", "5000 failed"), H2LOAD_LOG, 1)


def test_h2load_may_cut_off_a_few_requests() -> None:
    assert parse_h2load(H2LOAD.replace("0 failed", "12 failed"), H2LOAD_LOG, 1).requests == 13290


def test_percentiles() -> None:
    assert percentile(range(101), 99) == 99
    assert percentile([7], 99) == 7
