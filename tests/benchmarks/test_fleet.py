"""L-2, U-7: behind real balancers, nothing is lost when hosts are replaced; `benchmarks.fleet` does more, at length."""

import pytest

from benchmarks.fleet.__main__ import main
from benchmarks.fleet.page import Key, bars
from benchmarks.fleet.tally import Tally
from tests.support.e2e.programs import needs


@pytest.mark.slow
@needs("haproxy")
@needs("nginx")
@pytest.mark.parametrize(
    ("scene", "balancer"),
    [("replaced", "haproxy-tcp"), ("replaced", "nginx"), ("killed", "haproxy")],
)
def test_l2_a_fleet_loses_no_request(scene: str, balancer: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--scenes", scene, "--balancers", balancer, "--servers", "esg"])
    output = capsys.readouterr().out
    assert code == 0, output
    assert f"* yes: {scene}, behind {balancer}" in output


def seen(*lost: str) -> Tally:
    tally = Tally()
    for kind in lost:
        tally.loss(kind)
    return tally


@pytest.mark.parametrize(
    ("key", "lost", "broken_by"),
    [
        (("replaced", "haproxy-tcp", "esg"), "WebSocket: cut", {"WebSocket: cut": 1}),
        (("cut off", "nginx", "esg"), "POST: no answer", {"POST: no answer": 1}),
        (("killed", "nginx", "esg"), "POST: no answer", {}),
        (("killed", "nginx", "esg"), "GET: 502", {"GET: 502": 1}),
    ],
)
def test_a_loss_that_is_not_allowed_breaks_a_bar(key: Key, lost: str, broken_by: dict[str, int]) -> None:
    (bar,) = bars({key: seen(lost), ("replaced", "nginx", "uvicorn"): seen(lost)})
    assert bar.broken_by == broken_by
