"""Imports what options name by `module:attribute`, first of all the application (rule L-1).

Knows import strings, `sys.path` and the file of variables; what interface the application speaks is for
`esg_core.app.interfaces`. Whatever goes wrong is a `StartupError` of one line, with the application's own exception as
its cause where there is one.
"""

import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from esg_core.app.interfaces import adapt, is_factory
from esg_core.app.nested_run import NestedRun, importing
from esg_core.asgi import Application
from esg_core.errors import StartupError, UsageError
from esg_core.options.option import did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

    from esg_core.options.config import Config

logger = logging.getLogger("esg.error")


def load_application(config: "Config") -> Application:
    """The application that the configuration names, imported, made by its factory, and as ASGI 3.

    Puts `app_dir` on `sys.path` and reads `env_file` first. Raises `StartupError`, or `UsageError` for options that
    cannot be followed.
    """
    if config.env_file is not None:
        load_variables(str(config.env_file))
    if isinstance(config.app, str):
        add_to_path(config.app_dir)
        made = _made(config.app, import_string(config.app, "the application"), config.factory)
    else:
        made = config.app
    if not callable(made):
        raise StartupError(f"{config.app!r} is no application: it is {type(made).__name__}, which cannot be called")
    return adapt(made, config.interface)


def load_variables(path: str) -> None:
    """Add the variables of a file to the environment; those that are set already stay as they are."""
    try:
        from dotenv import load_dotenv
    except ImportError:
        raise UsageError("env_file needs a package: pip install python-dotenv") from None
    logger.info("Loading environment from %s", path)
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes long to import
            load_dotenv(stream=file)
    except OSError as error:
        raise StartupError(f"env_file: {path!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StartupError(f"env_file: {path!r} cannot be read: it is no text in UTF-8") from None


def add_to_path(directory: str) -> None:
    """Let modules of a directory be imported before all others; "" is the current directory, whichever it is then."""
    if directory not in sys.path:
        sys.path.insert(0, directory)


def import_string(reference: str, what: str) -> object:
    """What `package.module:attribute.attribute` stands for; `what` says in errors what it was to be."""
    name, _, attributes = reference.partition(":")
    found: Any = _module(name, f"cannot import {what} {reference!r}")
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            hint = did_you_mean(attribute, _public(found)) or _applications(found)
            raise StartupError(
                f"cannot import {what} {reference!r}: {_called(found)} has no attribute {attribute!r}{hint}"
            ) from None
    return found


def _module(name: str, problem: str) -> "ModuleType":
    try:
        with importing():
            return importlib.import_module(name)
    except NestedRun as error:
        raise UsageError(f"{problem}: {error}") from None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise StartupError(f"{problem}: {_absence(error.name)}") from None
        raise StartupError(f"{problem}: it needs a module that is not there: {error.name}") from error
    except SystemExit as error:
        raise StartupError(f"{problem}: it called sys.exit({error.code!r}) while it was imported") from error
    except Exception as error:
        raise StartupError(f"{problem}: {type(error).__name__} while it was imported") from error


def _absence(missing: str) -> str:
    """Why a module cannot be found, and what was perhaps meant."""
    parent, _, last = missing.rpartition(".")
    if last == "py" and parent:
        return f"name the module {parent!r}, not its file"
    if parent:
        found = sys.modules.get(parent)
        places = getattr(found, "__path__", ())
        return f"{parent!r} has no module {last!r}{did_you_mean(last, _modules(places))}"
    hint = did_you_mean(last, _modules(_places()))
    return f"there is no module {last!r} in {_first_place()} or on the rest of sys.path{hint or '; see app_dir'}"


def _places() -> list[str]:
    return [place or os.curdir for place in sys.path[:2]]


def _first_place() -> str:
    from pathlib import Path

    return str(Path(sys.path[0] or os.curdir).resolve())


def _modules(places: Iterable[str]) -> list[str]:
    import pkgutil

    return [module.name for module in pkgutil.iter_modules(places)]


def _public(found: object) -> list[str]:
    return [name for name in dir(found) if not name.startswith("_")]


def _applications(found: object) -> str:
    """What of a module looks as if it could be meant: its own functions, and objects that can be called."""
    names = [
        name
        for name, value in getattr(found, "__dict__", {}).items()
        if not name.startswith("_") and callable(value) and not inspect.isclass(value)
        if getattr(value, "__module__", None) == getattr(found, "__name__", "") or not inspect.isroutine(value)
    ]
    return f"; it has {', '.join(names[:5])}" if names else ""


def _called(found: object) -> str:
    name = getattr(found, "__name__", type(found).__name__)
    return f"module {name!r}" if inspect.ismodule(found) else repr(name)


def _made(reference: str, found: Any, is_declared: bool) -> object:
    """The application: what was found, or what it returns when it is a factory."""
    if not is_declared and not (callable(found) and is_factory(found)):
        return found
    if not callable(found):
        raise StartupError(f"factory: {reference!r} is {type(found).__name__}, which cannot be called")
    if inspect.iscoroutinefunction(found):
        raise StartupError(f"factory: {reference!r} is async, and it is called before anything could wait for it")
    if not is_declared:
        logger.warning("%s takes no arguments, so it is called as a factory; say so with --factory", reference)
    return _call(reference, found)


def _call(reference: str, factory: Callable[[], object]) -> object:
    try:
        with importing():
            return factory()
    except NestedRun as error:
        raise UsageError(f"the factory {reference!r} cannot be called: {error}") from None
    except Exception as error:
        raise StartupError(f"the factory {reference!r} raised {type(error).__name__}") from error


__all__ = ["add_to_path", "import_string", "load_application", "load_variables"]
