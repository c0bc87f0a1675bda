"""The source tree as the structure tests see it: packages, modules, their syntax trees and what they import."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DISTRIBUTIONS = ("esg", "esg-admin", "esg-cli", "esg-core", "esg-http", "esg-reload", "esg-ws")
PACKAGES = tuple(name.replace("-", "_") for name in DISTRIBUTIONS)


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, path, text and syntax tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Import:
    """One imported module; `names` are those taken from it; `runs_at_import` is false inside functions."""

    module: str
    names: tuple[str, ...]
    runs_at_import: bool

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def targets(self, known: frozenset[str]) -> set[str]:
        """The modules among `known` that it stands for: `from package import module` is one of `package.module`."""
        inner = {f"{self.module}.{name}" for name in self.names} & known
        return inner or ({self.module} & known)


def home(distribution: str) -> Path:
    """The directory of a distribution."""
    return ROOT / "packages" / distribution


def version(distribution: str) -> str:
    """What a distribution says of itself, without importing it."""
    package = distribution.replace("-", "_")
    text = (home(distribution) / "src" / package / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


@cache
def modules() -> tuple[Module, ...]:
    """All modules of all packages."""
    return tuple(_read(path, home(name) / "src") for name in DISTRIBUTIONS for path in _sources(home(name) / "src"))


def found_wrong(check: Callable[[Module], Iterable[str]]) -> dict[str, list[str]]:
    """What a check finds wrong, by the names of the modules where it finds anything."""
    found = {module.name: list(check(module)) for module in modules()}
    return {name: wrong for name, wrong in found.items() if wrong}


@cache
def module_names() -> frozenset[str]:
    """The dotted names of all modules of all packages."""
    return frozenset(module.name for module in modules())


def imports(module: Module) -> list[Import]:
    """Everything that a module imports, except what only type checkers see."""
    return list(_imports(module.tree.body, runs_at_import=True))


def all_imports(module: Module) -> list[Import]:
    """Everything that a module imports, for type checkers too."""
    return [found for node in ast.walk(module.tree) if isinstance(node, ast.stmt) for found in _named(node, True)]


def defined_names(module: Module) -> set[str]:
    """The names that a module itself binds, outside functions and classes; not those that it imports."""
    return set(_bound(module.tree.body))


def exports(module: Module) -> list[str] | None:
    """The names in `__all__`; None for a module without it."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _sources(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.py"))


def _read(path: Path, source: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    parts = path.relative_to(source).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, text, ast.parse(text))


def _imports(body: list[ast.stmt], runs_at_import: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _named(node, runs_at_import)
        elif not _is_for_type_checkers(node):
            inside = runs_at_import and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(_statements(node), inside)
        else:
            assert isinstance(node, ast.If)
            yield from _imports(node.orelse, runs_at_import)


def _named(node: ast.stmt, runs_at_import: bool) -> Iterator[Import]:
    """What one statement imports, if it is an import."""
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, (), runs_at_import) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield Import(node.module or "", tuple(alias.name for alias in node.names), runs_at_import)


def _statements(node: ast.AST) -> list[ast.stmt]:
    """The statements directly inside a node, including those of its handlers and match cases."""
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            found.extend(child.body)
    return found


def _is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign() | ast.AnnAssign():
                yield from (found.id for found in ast.walk(node) if isinstance(found, ast.Name) and _is_stored(found))
            case ast.If() | ast.Try():
                yield from _bound(node.body)
                yield from _bound(node.orelse)
                for handler in getattr(node, "handlers", ()):
                    yield from _bound(handler.body)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)
