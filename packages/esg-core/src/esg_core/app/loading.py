"""Imports what options name as `module:attribute`, above all the application (rule L-1).

Knows import strings, `sys.path` and the env file; `esg_core.app.interfaces` knows the interfaces of applications. Any
failure is a `StartupError` of one line, caused by the application's own exception if there is one.
"""

import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable
from io import StringIO
from typing import TYPE_CHECKING, Any

from esg_core.app.interfaces import adapt, is_factory
from esg_core.app.nested_run import NestedRun, importing
from esg_core.asgi import Application
from esg_core.errors import StartupError, UsageError, reason_of
from esg_core.installing import how_to_install
from esg_core.options.option import Spell, did_you_mean

if TYPE_CHECKING:
    from types import ModuleType

    from esg_core.options.config import Config

logger = logging.getLogger("esg.error")

LOADED = "Loading environment from %s"
"""The log message about an env file."""


def load_application(config: "Config") -> Application:
    """The application that the configuration names, as ASGI 3; raises the same as `import_application()`."""
    return adapt(import_application(config), config)


def import_application(config: "Config") -> Callable[..., Any]:
    """The application that the configuration names, imported; a factory is called for it.

    Raises `StartupError`, or `UsageError` for a wrong option.
    """
    prepare_imports(config)
    made: object = config.app
    if isinstance(config.app, str):
        made = _made(config, config.app, import_string(config.app, "the application", config.spell))
    if not callable(made):
        raise StartupError(f"{config.app!r} is not an application: it is {type(made).__name__}, which cannot be called")
    return made


def prepare_imports(config: "Config") -> None:
    """Apply `app_dir` and `env_file`, before anything that an option names is imported.

    Calling it again changes nothing. Raises `UsageError`.
    """
    add_application_directory(config)
    if load_variables(config):
        logger.info(LOADED, config.env_file)


def add_application_directory(config: "Config") -> None:
    """Put the directory of the option `app_dir` first on `sys.path`.

    "" is the current directory at the time of an import. Does nothing for an application given as an object, which its
    program has imported, unless the option is set. Raises `UsageError` for a directory that does not exist.
    """
    directory = config.app_dir
    if directory and not os.path.exists(directory):  # noqa: PTH110 - pathlib takes long to import
        raise UsageError(f"{config.with_value('app_dir')}: no such directory")
    if directory not in sys.path and (directory or isinstance(config.app, str)):
        sys.path.insert(0, directory)


def load_variables(config: "Config") -> bool:
    """Add the variables of `env_file` to the environment, except those already set; returns whether any were new.

    Raises the same as `read_variables()`.
    """
    text = read_variables(config)
    if text is None:
        return False
    from dotenv import load_dotenv

    before = len(os.environ)
    load_dotenv(stream=StringIO(text))
    return len(os.environ) > before


def read_variables(config: "Config") -> str | None:
    """The text of `env_file`, None if there is none; raises `UsageError` for a file that cannot be used."""
    if config.env_file is None:
        return None
    if importlib.util.find_spec("dotenv") is None:
        raise UsageError(f"{config.spell('env_file')} needs a package: {how_to_install('python-dotenv')}")
    try:
        with open(config.env_file, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes long to import
            return file.read()
    except OSError as error:
        reason = reason_of(error)
    except UnicodeDecodeError:
        reason = "not UTF-8 text"
    raise UsageError(f"{config.with_value('env_file')}: {reason}")


def import_string(reference: str, what: str, spell: Spell = str) -> object:
    """The object that `package.module:attribute.attribute` names; errors call it `what`.

    Raises `StartupError`, in which `spell` gives the name of the option for the application's directory.
    """
    name, _, attributes = reference.partition(":")
    problem = f"cannot import {what} {reference!r}"
    found: Any = _module(name, problem, spell("app_dir"))
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            hint = did_you_mean(attribute, _public(found)) or _applications(found)
            raise StartupError(f"{problem}: {_called(found)} has no attribute {attribute!r}{hint}") from None
        except Exception as error:
            raise StartupError(f"{problem}: {_raised(error)} while looking up {attribute!r}") from error
    return found


def _module(name: str, problem: str, directory_option: str) -> "ModuleType":
    try:
        with importing():
            return importlib.import_module(name)
    except NestedRun as error:
        raise UsageError(f"{problem}: {error}") from None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise StartupError(f"{problem}: {_absence(error.name, directory_option)}") from None
        raise StartupError(f"{problem}: it needs a module that cannot be found: {error.name}") from error
    except (Exception, SystemExit) as error:
        raise StartupError(f"{problem}: {_raised(error)} during import") from error


def _raised(error: Exception | SystemExit) -> str:
    """What the application did; the traceback shows the rest."""
    return (
        f"it called sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"it raised {type(error).__name__}"
    )


def _absence(missing: str, directory_option: str) -> str:
    """Why a module cannot be found, and what may have been meant."""
    parent, _, last = missing.rpartition(".")
    if last == "py" and parent:
        return f"name the module {parent!r}, not its file"
    if parent:
        found = sys.modules.get(parent)
        places = getattr(found, "__path__", ())
        return f"{parent!r} has no module {last!r}{did_you_mean(last, _modules(places))}"
    hint = did_you_mean(last, _modules(_places())) or f"; see {directory_option}"
    return f"there is no module {last!r} in {_first_place()} or elsewhere on sys.path{hint}"


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
    """A hint at what may have been meant: functions of the module and callable objects in it."""
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


def _made(config: "Config", reference: str, found: Any) -> object:
    """The application: the object found, or what it returns if it is a factory."""
    option = config.spell("factory")
    if not config.factory and not (callable(found) and is_factory(found)):
        return found
    if not callable(found):
        raise StartupError(f"{option}: {reference!r} is {type(found).__name__}, which cannot be called")
    if inspect.iscoroutinefunction(found):
        raise StartupError(f"{option}: {reference!r} is async, but a factory is called and not awaited")
    if not config.factory:
        logger.warning("%s takes no arguments, so it is called as a factory; say so with %s", reference, option)
    return _call(reference, found)


def _call(reference: str, factory: Callable[[], object]) -> object:
    try:
        with importing():
            return factory()
    except NestedRun as error:
        raise UsageError(f"the factory {reference!r} cannot be called: {error}") from None
    except (Exception, SystemExit) as error:
        raise StartupError(f"the factory {reference!r}: {_raised(error)}") from error
