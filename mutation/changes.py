"""What is changed in a module: one comparison, number, operator, text, call or statement at a time.

Pure: text in, code objects out. Left alone are doc strings, annotations, decorators, imports, `__all__`, `__slots__`
and error texts: users do not rely on these. Raw string literals are regular expressions, and changed as such.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType

from mutation.patterns import variants

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PASSING = frozenset(("copy", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "strip", "upper"))
"""Methods that return an object of the type that they were called on."""

_LEFT_ALONE = frozenset(("annotation", "bases", "decorator_list", "returns", "type_params"))
_DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Delete, ast.Assert)


@dataclass(frozen=True)
class Mutant:
    """A module with one change: `name` says where and which, `line` is that of the source."""

    name: str
    line: int
    code: CodeType


@dataclass
class _Place:
    """The position of a node: the attribute of its parent, the statement and the scope around it."""

    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt
    scope: str
    in_error: bool

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(text: str, filename: str) -> Iterator[Mutant]:
    """All mutants of the module with this source."""
    for name, line, tree in _changed_trees(text):
        code = compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
        yield Mutant(name, line, code)


def names(text: str) -> list[str]:
    """The names of all mutants of the module with this source."""
    return [name for name, _, _ in _changed_trees(text)]


def _changed_trees(text: str) -> Iterator[tuple[str, int, ast.Module]]:
    """Name and line of each change, and the tree, which is changed until the next one is requested."""
    tree = ast.parse(text)
    lines = text.splitlines()
    seen: Counter[str] = Counter()
    for place, node in list(_places(tree)):
        before = _line(place.statement)
        for changed in _alternatives(node, place, lines):
            place.put(ast.copy_location(changed, node))
            after = "pass" if isinstance(changed, ast.Pass) else _line(_now(place, changed))
            name = f"{place.scope}: {before} -> {after}"
            seen[name] += 1
            times = f" ({seen[name]})" if seen[name] > 1 else ""
            yield name + times, getattr(node, "lineno", place.statement.lineno), tree
            place.put(node)


def _now(place: _Place, changed: ast.AST) -> ast.stmt:
    """The statement around a change, which may be the change."""
    return changed if isinstance(changed, ast.stmt) else place.statement


def _line(statement: ast.stmt) -> str:
    return ast.unparse(statement).partition("\n")[0]


def _places(tree: ast.Module) -> Iterator[tuple[_Place, ast.AST]]:
    for index, statement in enumerate(tree.body):
        if not _is_left_alone(statement):
            place = _Place(tree, "body", index, statement, "module", in_error=False)
            yield from _inside(statement, place)


def _is_left_alone(node: ast.AST) -> bool:
    """Whether a node is for readers and tools, and not for the program."""
    if isinstance(node, ast.Assign):
        return any(getattr(target, "id", "") in ("__all__", "__slots__") for target in node.targets)
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Pass)


def _inside(node: ast.AST, place: _Place) -> Iterator[tuple[_Place, ast.AST]]:
    """A node and all nodes in it that may be changed."""
    yield place, node
    scope = place.scope
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = node.name if scope == "module" else f"{scope}.{node.name}"
    in_error = place.in_error or isinstance(node, ast.Raise)
    for field, value in ast.iter_fields(node):
        if field in _LEFT_ALONE:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _is_left_alone(child):
                statement = child if isinstance(child, ast.stmt) else place.statement
                yield from _inside(child, _Place(node, field, index, statement, scope, in_error))


def _alternatives(node: ast.AST, place: _Place, lines: Sequence[str]) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant):
        yield from _other_constants(node, place, lines)
    elif isinstance(node, ast.stmt):
        yield from _other_statements(node, place)
    elif isinstance(node, ast.Compare):
        yield from _other_comparisons(node)
    elif isinstance(node, ast.BoolOp):
        yield from _other_conditions(node)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Slice | ast.Tuple | ast.Dict):
        yield from _other_parts(node, place)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PASSING:
        yield node.func.value
    if place.field == "test" and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        yield ast.UnaryOp(ast.Not(), node)


def _other_constants(node: ast.Constant, place: _Place, lines: Sequence[str]) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1))
    elif isinstance(value, str | bytes) and not place.in_error:
        yield from map(ast.Constant, _other_texts(value, is_raw=_is_raw(node, lines)))


def _is_raw(node: ast.Constant, lines: Sequence[str]) -> bool:
    """Whether a text is written as `r"..."` or `rb"..."`; the line before it is ASCII."""
    start = lines[node.lineno - 1][node.col_offset :][:2].lower()
    return "r" in start.replace("'", '"').partition('"')[0]


def _other_texts(value: str | bytes, *, is_raw: bool) -> Iterator[str | bytes]:
    if isinstance(value, bytes):
        yield from (other.encode("latin-1") for other in _other_words(value.decode("latin-1"), is_raw=is_raw))
    else:
        yield from _other_words(value, is_raw=is_raw)


def _other_words(value: str, *, is_raw: bool) -> Iterator[str]:
    if is_raw:
        yield from variants(value)
    else:
        yield from {"", f"XX{value}"} - {value}


def _other_statements(node: ast.stmt, place: _Place) -> Iterator[ast.AST]:
    if isinstance(node, ast.Break | ast.Continue):
        yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()
    elif isinstance(node, ast.Return):
        is_none = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
        yield ast.Pass() if is_none else ast.Return(ast.Constant(None))
    elif isinstance(node, _DROPPED) and place.scope != "module":
        yield ast.Pass()
    if isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
        yield ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for index, found in enumerate(node.ops):
        for other in _COMPARISONS[type(found)]:
            yield ast.Compare(node.left, [*node.ops[:index], other(), *node.ops[index + 1 :]], node.comparators)


def _other_conditions(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _other_parts(node: ast.Slice | ast.Tuple | ast.Dict, place: _Place) -> Iterator[ast.AST]:
    if isinstance(node, ast.Slice):
        yield from _other_slices(node)
    elif place.scope == "module":
        yield from _other_members(node)


def _other_members(node: ast.Tuple | ast.Dict) -> Iterator[ast.AST]:
    """A row of a table of names: each of them replaces each other one."""
    row = node.elts if isinstance(node, ast.Tuple) else node.values
    found = [member.id for member in row if isinstance(member, ast.Name) and isinstance(member.ctx, ast.Load)]
    if len(found) < len(row):
        return
    for index, name in enumerate(found):
        for other in sorted({*found} - {name}):
            changed = [*row[:index], ast.Name(other, ast.Load()), *row[index + 1 :]]
            yield ast.Tuple(changed, ast.Load()) if isinstance(node, ast.Tuple) else ast.Dict(node.keys, changed)


def _other_slices(node: ast.Slice) -> Iterator[ast.AST]:
    if node.lower is not None:
        yield ast.Slice(None, node.upper, node.step)
    if node.upper is not None:
        yield ast.Slice(node.lower, None, node.step)
