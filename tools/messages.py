"""Finds the messages with which ESG reports trouble, in the syntax trees of its packages. Knows no page.

A message is the text of an error that ends the program (`Error: …`) or of a warning or an error in the log. `…` stands
for what differs: names, values, paths, reasons. Texts in the packages' code that are only handed on are found where
they are made.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNKNOWN = "…"

ERRORS = ("UsageError", "StartupError", "CommandError", "Unreachable", "NotADirectoryError", "ArgumentTypeError")
ENDS = ("leave", "say", "show")
"""Functions that say why the program ends."""
LEVELS = ("warning", "error", "exception", "critical")
KEPT = ("lost",)
"""Attributes that keep a message until the program ends."""
MAKERS = ("_absence", "_explain", "ignored_variables")
"""Functions that return messages, or a part that tells one from another."""
REASONS = ("_WHY", "PROTOCOL_CLASSES")
"""Constants that are such a part."""
RELAYS = {
    "esg_admin.terminal.client": "the message that Unreachable is given",
    "esg.reloading": "texts of esg_reload.files",
    "esg.workers": "texts of ignored_variables()",
    "esg_core.app.loading": "texts of _absence(), and of NestedRun",
    "esg_core.lifecycle.watchdog": "texts of leave()",
    "esg_core.logs.user_config": "texts of Python's logging",
    "esg_core.options.uvicorn_names": "the text of PROTOCOL_CLASSES",
    "esg_core.options.sources": "reasons of the system and of tomllib",
    "esg_core.plugins": "the text of PROTOCOL_CLASSES",
    "esg_core.processes.supervisor": "the fault that a worker has told",
    "esg_core.processes.workers": "the failure that a worker has told",
    "esg_core.sockets.tls": "texts of _explain(), and reasons of the system",
    "esg_reload.__main__": "texts of esg_reload.files",
}
"""Modules that report texts made elsewhere, and what those are."""

Names = dict[str, list[ast.expr]]
"""The expressions that are assigned to each name."""


@dataclass(frozen=True, slots=True)
class Message:
    """The text of a message, and the module that makes it."""

    text: str
    module: str

    @property
    def is_relayed(self) -> bool:
        """Whether it is only handed on: no word of it stands here."""
        return re.search("[a-z]{3}", self.text) is None


@cache
def messages() -> frozenset[str]:
    """The text of each message; of one with several lines, the first."""
    return frozenset(message.text for message in found() if not message.is_relayed)


def found() -> Iterator[Message]:
    """Each place that makes a message, or hands one on."""
    for path in sorted((ROOT / "packages").glob("*/src/**/*.py")):
        module = ".".join(path.relative_to(ROOT / "packages").with_suffix("").parts[2:])
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (Message(_line(text), module) for text in _texts_below(tree, _names(tree.body)))


def _texts_below(tree: ast.AST, names: Names) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = names | _names(ast.walk(node))
            if node.name in MAKERS:
                yield from _texts_returned(node, inner)
            yield from _texts_below(node, inner)
        else:
            yield from _texts_at(node, names)
            yield from _texts_below(node, names)


def _texts_at(node: ast.AST, names: Names) -> Iterator[str]:
    """The texts of the call or assignment that a node is."""
    match node:
        case ast.ClassDef(bases=[ast.Name(id=base), *_]) if base in ERRORS:
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and inner.args]
            yield from (_text(call.args[0], {}) for call in calls if _name(call.func) == "__init__")
        case ast.Call(func=function, args=[text, *_]) if _name(function) in ERRORS:
            yield from _alternatives(text, names)
        case ast.Call(func=function, args=[ast.JoinedStr() | ast.Constant(str()) | ast.BoolOp() as text, *_]) if (
            _name(function) in ENDS
        ):
            yield from _alternatives(text, names)
        case ast.Call(func=ast.Attribute(attr=level), args=[text, *_]) if level in LEVELS:
            yield from (re.sub(r"%(?:\.\d+)?[dfgrs]", UNKNOWN, text) for text in _alternatives(text, names))
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in REASONS:
            reasons = value.values if isinstance(value, ast.Dict) else [value]
            yield from (_text(reason, names).replace("{}", UNKNOWN) for reason in reasons)
        case ast.Assign(targets=[ast.Attribute(attr=kept)], value=ast.JoinedStr() as text) if kept in KEPT:
            yield _text(text, names)


def _texts_returned(function: ast.AST, names: Names) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield from _alternatives(node.value, names)


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def _names(nodes: Iterable[ast.AST]) -> Names:
    names: Names = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).append(node.value)
    return names


def _alternatives(node: ast.expr, names: Names) -> Iterator[str]:
    """The texts that an argument can be."""
    match node:
        case ast.Name(id=name) if name in names:
            for value in names[name]:
                yield from _alternatives(value, {other: names[other] for other in names if other != name})
        case ast.IfExp(body=one, orelse=other):
            yield from (*_alternatives(one, names), *_alternatives(other, names))
        case ast.BoolOp(values=values):
            for value in values:
                yield from _alternatives(value, names)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from map("".join, product(_alternatives(left, names), _alternatives(right, names)))
        case _:
            yield _text(node, names)


def _text(node: ast.expr, names: Names) -> str:
    """The text that an expression makes, with the names of options where it spells one."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, names) for part in parts)
        case ast.FormattedValue(value=value):
            return _text(value, names)
        case ast.Name(id=name) if len(names.get(name, ())) == 1:
            return _text(names[name][0], {})
        case ast.Call(func=function, args=[ast.Constant(value=str(option)), *_]):
            return option if _name(function) in ("spell", "with_value") else UNKNOWN
        case _:
            return UNKNOWN


def _line(text: str) -> str:
    """The first line, without what may follow its last word."""
    line = re.sub(f"{UNKNOWN}+", UNKNOWN, text.partition("\n")[0]).replace("%%", "%")
    return re.sub(rf"(?<=\w){UNKNOWN}$", "", line)
