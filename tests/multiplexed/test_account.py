"""What the frames of one client cost: room in a turn, and how often in ten seconds (rules H-22, 2-3)."""

from collections.abc import Callable

import pytest

from esg_core.turns import TurnBudget
from esg_http.coding.faults import ConnectionFault
from esg_http.multiplexed.account import SMALL_A_FRAME, Account
from esg_http.multiplexed.allowance import PERIOD, Excess
from esg_http.multiplexed.costs import CANCELLATION, OVERSIZED_BLOCK
from esg_http.multiplexed.limits import Limits

ROOM = 10_000

Charge = Callable[[Account], None]

CHARGES: list[tuple[Charge, int, str, int]] = [
    (Account.charge_refused, 3, "cancelled streams", 0),
    (Account.charge_cancelled, 3, "cancelled streams", CANCELLATION),
    (Account.charge_reset, 4, "streams that had to be reset", CANCELLATION),
    (Account.charge_oversized, 4, "header sections that are too large", OVERSIZED_BLOCK),
    (Account.charge_useless, 5, "useless frames", 0),
    (lambda account: account.charge_small(b""), 5, "useless frames", 0),
    (lambda account: account.charge_small(b"x"), 5 * SMALL_A_FRAME, "small DATA frames", 0),
]
"""Each charge, how many are allowed, what they are called, and what one takes of the room."""


@pytest.mark.parametrize(("charge", "allowed", "what", "price"), CHARGES)
def test_2_3_each_charge_has_its_price_and_its_limit(charge: Charge, allowed: int, what: str, price: int) -> None:
    limits = Limits(10, 100, 10_000, 1000, client_resets=3, server_resets=4, control_frames=5, stream_window=65535)
    account = Account(limits, TurnBudget(lambda _: None), Excess(11, "a section"))
    assert account.room == 0
    for now in (1.0, 1.0 + PERIOD):  # the allowance is renewed
        account.now, account.room = now, ROOM
        for _ in range(allowed):
            charge(account)
        assert account.room == ROOM - allowed * price
    with pytest.raises(ConnectionFault, match=f"^more than {allowed} {what} in 10 s") as raised:
        charge(account)
    assert raised.value.code == 11
