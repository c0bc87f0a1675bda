"""Families and the layout of their numbers (rules M-1 and M-2)."""

import re
import subprocess
import sys

from esg_core.figures.families import COUNTED, MEASURED
from esg_core.figures.layout import EXEMPLARS_AT, FINGERPRINT, IS_SUMMED, SLOTS, positions, span
from esg_core.figures.readings import Kind

FAMILIES = (*(counted.family for counted in COUNTED), *MEASURED)
MOST_SLOTS = 4100
"""What one process may keep, whatever clients send."""


def test_each_family_is_declared_once() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)


def test_names_follow_the_rules_of_openmetrics() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"(esg|process|python)[a-z0-9_]*", family.name)
        assert not family.name.endswith(("_total", "_info", "_count", "_sum", "_bucket"))
        assert not family.unit or family.name.endswith(f"_{family.unit}")
        assert family.help.endswith(".")
        assert (family.kind is Kind.HISTOGRAM) == bool(family.bounds)
        assert list(family.bounds) == sorted(set(family.bounds))


def test_each_number_has_one_place() -> None:
    assert len(set(SLOTS)) == len(SLOTS) <= MOST_SLOTS
    taken = [at + step for one in COUNTED for at in positions(one).values() for step in range(one.width)]
    assert taken == list(range(EXEMPLARS_AT))
    assert [at for one in COUNTED for at in range(*span(one).indices(len(SLOTS)))] == taken


def test_the_labels_of_a_series_are_those_of_its_family() -> None:
    for counted in COUNTED:
        named = counted.family.labels[1:] if counted.by_worker else counted.family.labels
        assert {len(labels) for labels in counted.labels} == {len(named)}


def test_only_what_grows_outlives_its_process() -> None:
    growing = {SLOTS[at].partition("{")[0] for at, is_summed in enumerate(IS_SUMMED) if is_summed}
    assert growing == {one.family.name for one in COUNTED if one.family.kind is not Kind.GAUGE}


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    program = "from esg_core.figures.layout import FINGERPRINT; print(FINGERPRINT)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(said.stdout) == FINGERPRINT
