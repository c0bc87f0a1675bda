"""Changes to a regular expression: a range one byte wider or narrower, a member less, another quantifier.

Pure. Works on the text of the expression, or of a part of one: a change that leaves no valid expression is found when
the module is imported, and then not counted.
"""

import re
from collections.abc import Iterator

_ONE = r"\\x[0-9a-fA-F]{2}|\\.|[^\]\\]"
_PIECES = re.compile(
    rf"(?P<flag>\(\?[a-z]+\))|(?P<group>\((?:\?[:=!])?|\))|(?P<set>\[\^?(?:{_ONE})+\])"
    r"|(?P<quantifier>(?:[*+?]|\{\d+(?:,\d+)?\})[+?]?)|(?P<one>\\x[0-9a-fA-F]{2}|\\.|.)",
    re.DOTALL,
)
_MEMBERS = re.compile(rf"(?P<low>{_ONE})-(?P<high>{_ONE})|(?:{_ONE})", re.DOTALL)
_COUNTS = re.compile(r"\{(\d+)(?:,(\d+))?\}")
_OTHER = {"*": "+", "+": "*", "?": ""}


def variants(pattern: str) -> Iterator[str]:
    """All patterns that differ from this one in one place."""
    for piece in _PIECES.finditer(pattern):
        before, text, after = pattern[: piece.start()], piece[0], pattern[piece.end() :]
        yield from (before + changed + after for changed in _changed(piece.lastgroup or "", text))


def _changed(kind: str, text: str) -> Iterator[str]:
    if kind == "set":
        yield from _changed_set(text)
    elif kind == "quantifier":
        yield from _changed_quantifier(text)
    elif kind != "group":
        yield ""


def _changed_quantifier(text: str) -> Iterator[str]:
    counts = _COUNTS.match(text)
    if counts is None:
        other = _OTHER[text[0]]
        yield other + text[1:] if other else ""
        return
    bounds = [int(bound) for bound in counts.groups() if bound is not None]
    for place, bound in enumerate(bounds):
        for changed in {max(bound - 1, 0), bound + 1} - {bound}:
            numbers = [*bounds[:place], changed, *bounds[place + 1 :]]
            yield "{" + ",".join(map(str, numbers)) + "}" + text[counts.end() :]


def _changed_set(text: str) -> Iterator[str]:
    start = 2 if text.startswith("[^") else 1
    inside = text[start:-1]
    yield ("[" if start == 2 else "[^") + inside + "]"
    for member in _MEMBERS.finditer(inside):
        before, after = text[:start] + inside[: member.start()], inside[member.end() :] + "]"
        if len(before + after) > start + 1:
            yield before + after
        if member["low"]:
            yield from (before + changed + after for changed in _moved(member["low"], member["high"]))


def _moved(low: str, high: str) -> Iterator[str]:
    """The range with each of its ends one character further in or out."""
    first, last = _code(low), _code(high)
    for one, other in ((first - 1, last), (first + 1, last), (first, last - 1), (first, last + 1)):
        if 0 <= one <= other <= 255:
            yield rf"\x{one:02x}-\x{other:02x}"


def _code(one: str) -> int:
    if one.startswith("\\x"):
        return bytes.fromhex(one[2:])[0]
    return ord({"\\t": "\t", "\\n": "\n", "\\r": "\r"}.get(one, one[-1]))
