"""Says what a client prefers, by its `accept` and `accept-encoding` (RFC 9110 sections 12.4.2 and 12.5).

Knows neither the formats nor how they are written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_WEIGHT = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


class MediaType(NamedTuple):
    """A format that can be had, such as `text/plain` in the version `0.0.4`."""

    name: str
    version: str


class _Preference(NamedTuple):
    name: str
    parameters: Mapping[str, str]
    weight: float


def preferred(accept: str | None, offers: Sequence[MediaType]) -> MediaType:
    """The offer with the highest weight; the first one of equals, and where none is wanted."""
    if accept is None:
        return offers[0]
    preferences = list(_preferences(accept))
    return max(offers, key=lambda offer: _weight(offer, preferences))  # the first of several


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether a body may be compressed by gzip: only if it is asked for."""
    weights = {one.name: one.weight for one in _preferences(accept_encoding or "")}
    return weights.get("gzip", weights.get("*", 0)) > 0


def _preferences(value: str) -> Iterator[_Preference]:
    """What a field lists; an item that cannot be understood is left out."""
    for item in value.lower().split(","):
        name, *parts = (part.strip() for part in item.split(";"))
        pairs = (part.partition("=") for part in parts)
        parameters = {key.strip(): setting.strip().strip('"') for key, _, setting in pairs}
        weight = parameters.pop("q", "1")
        if name and _WEIGHT.fullmatch(weight):
            yield _Preference(name, parameters, float(weight))


def _weight(offer: MediaType, preferences: Sequence[_Preference]) -> float:
    """The weight of the most specific item that fits (RFC 9110 section 12.5.1)."""
    ranks = {offer.name: 2, f"{offer.name.partition('/')[0]}/*": 1, "*/*": 0}
    fitting = [
        ((ranks[one.name], "version" in one.parameters), one.weight)
        for one in preferences
        if one.name in ranks and one.parameters.get("version", offer.version) == offer.version
    ]
    return max(fitting, default=((0, False), 0.0))[1]
