"""Objects of start-up are set aside from garbage collection, and taken back at the end."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from esg_core.lifecycle import garbage

pytestmark = pytest.mark.needs("gc.freeze")


class Cyclic:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.collect()
    gc.freeze()  # what the whole run has set aside, too


def test_garbage_goes_first_and_what_lives_is_set_aside() -> None:
    gone, kept = weakref.ref(Cyclic()), Cyclic()
    garbage.set_aside()
    assert gone() is None
    assert gc.get_freeze_count() > 0
    later = weakref.ref(kept)
    del kept
    gc.collect()
    assert later() is not None
    garbage.take_back()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert later() is None


def test_nothing_is_collected_where_the_application_has_switched_it_off() -> None:
    gc.disable()
    gone = weakref.ref(Cyclic())
    garbage.set_aside()
    assert gone() is not None
