"""Adaptive admission: once a window, looks how busy the event loop was and moves the limit (rules A-4 and A-5).

One timer for each window is all that runs. The figures of the last window are kept for the statistics: how busy the
loop was and where that is known from, and `lag`, by how much the look itself came late.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from esg_core.overload.admission import Admission
from esg_core.overload.aimd import AIMD, Policy, Window
from esg_core.overload.loop_load import LoopMeter, choose_meter

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.options.config import Config


class Backpressure:
    """Moves the limit of one `Admission`, every `window` seconds from `start()` to `stop()`.

    A loop that was busier than `elu_max` lets nobody wait. `last` is the window that has ended; `lag` is in seconds.
    `_before` is the limit before an episode of overload, and how many had been refused by then; None if there is none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        admission: Admission,
        meter: LoopMeter,
        policy: Policy,
        *,
        window: float,
        elu_max: float,
    ) -> None:
        self._loop = loop
        self._admission = admission
        self._meter = meter
        self._policy = policy
        self._seconds = window
        self._elu_max = elu_max
        self._logger = logging.getLogger("esg.error")
        self._timer: asyncio.TimerHandle | None = None
        self._before: tuple[int, int] | None = None
        self.source = meter.source
        self.last = Window(0.0, None, 0, admission.limit)
        self.lag = 0.0

    def start(self) -> None:
        """Begin the first window."""
        self._meter.read()
        self._admission.begin_window(self._admission.limit)
        self._wait()

    def stop(self) -> None:
        """Look no more; the limit stays."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        due = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(due, self._end_window, due)

    def _end_window(self, due: float) -> None:
        admission = self._admission
        self.lag = max(0.0, self._loop.time() - due)
        utilisation, turn = self._meter.read()
        # The lag is time in which the loop was busy for sure, also where the meter does not see what with.
        utilisation = max(utilisation, self.lag / (self._seconds + self.lag))
        self.last = Window(utilisation, turn, admission.peak, admission.limit)
        limit = self._policy.on_window(self.last)
        self._tell(limit)
        admission.saturated = utilisation > self._elu_max
        admission.begin_window(limit)
        self._wait()

    def _tell(self, limit: int) -> None:
        """Log the first cut of an episode of overload, and its end."""
        if self._before is None:
            if limit < self.last.limit:
                self._before = (self.last.limit, self._admission.rejected)
                busy = 100 * self.last.utilisation
                self._logger.warning(
                    "overloaded: the event loop is %.0f %% busy; running requests are limited to %d", busy, limit
                )
        elif limit >= self._before[0]:
            refused = self._admission.rejected - self._before[1]
            self._before = None
            self._logger.info("not overloaded any more: the limit is %d again; %d were refused", limit, refused)


def install_admission(context: "Context") -> None:
    """Give the context the admission that its configuration asks for, if it asks for any."""
    config = context.config
    if config.backpressure:
        context.admission, context.backpressure = _adaptive(config, context.loop)
    elif config.limit_concurrent_requests is not None:
        context.admission = Admission(context.loop, config.limit_concurrent_requests)


def _adaptive(config: "Config", loop: asyncio.AbstractEventLoop) -> tuple[Admission, Backpressure]:
    """Admission with a limit that moves, under the ceiling of the static one."""
    low = config.backpressure_min_limit
    high = min(config.backpressure_max_limit, config.limit_concurrent_requests or config.backpressure_max_limit)
    initial = min(max(low, config.backpressure_initial_limit or high), high)
    admission = Admission(
        loop, initial, config.backpressure_queue_size, config.backpressure_queue_timeout, config.backpressure_smoothing
    )
    elu_max = config.backpressure_elu_max
    policy = AIMD(low, high, elu_max)
    window = config.backpressure_sample_window
    return admission, Backpressure(loop, admission, choose_meter(loop), policy, window=window, elu_max=elu_max)


__all__ = ["Backpressure", "install_admission"]
