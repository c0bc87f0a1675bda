"""Finds implementations by name: protocols and event loops, ESG's own and those of other packages (rule U-4).

A name is an entry point of a group (`esg.http`, `esg.http3`, `esg.ws`, `esg.loop`, `esg.admin`), an import string, or
`auto`: the first of ESG's own that is installed; a command (`esg.commands`) has a name only. ESG's own are in a table
with the packages they need, so that they are found without reading the metadata of every installed package, which takes
longer than the rest of the start.
"""

import asyncio
import contextlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from esg_core.app.loading import import_string
from esg_core.asgi import Application
from esg_core.command_words import COMMANDS
from esg_core.errors import ESGError, StartupError, UsageError
from esg_core.installing import how_to_install
from esg_core.options.option import Spell
from esg_core.options.uvicorn_names import NO_VALUE, PROTOCOL_CLASSES, SAME_VALUE

if TYPE_CHECKING:
    from esg_core.commands import Command
    from esg_core.context import Context
    from esg_core.contracts import EndpointMaker

ProtocolFactory = Callable[[], asyncio.Protocol]

HTTPFactory = Callable[["Context"], ProtocolFactory]
"""An entry point of the group `esg.http`: called with the context, it returns the factory of protocols.

If it has a true attribute `speaks_http2`, TLS offers HTTP/2 by ALPN where the option `http2` is on; the protocol then
learns from its transport which version the client has chosen.
"""

HTTP3Factory = Callable[["Context"], "EndpointMaker"]
"""An entry point of the group `esg.http3`: called with the context, it returns what makes the endpoint of a socket."""

UpgradeFactory = Callable[["Context"], Application | None]
"""An entry point of the group `esg.ws`: called with the context, it returns what serves upgrade requests (rule S-2).

None leaves them to the user's application, as plain HTTP.

Otherwise that is an ASGI application for scopes of type `http`, run in the cycle of the request like any other, so it
may answer with HTTP. Its `scope["extensions"]["esg.switch"]` is `switch(protocol, headers)`, which takes over the
connection and returns whether the access log has a line of it; it removes that from the scope before any other
application sees it. `Context.upgrades` has it under the name that clients put into `upgrade`.
"""

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
"""An entry point of the group `esg.loop`: returns a new event loop."""


class Builtin:
    """One of ESG's own implementations: its import string, and the packages it needs besides this one."""

    def __init__(self, target: str, needs: tuple[str, ...] = ()) -> None:
        self.target = target
        self.needs = needs

    @property
    def missing(self) -> str:
        """How to install the first package that it lacks; empty if nothing is missing."""
        for package in self.needs:
            if importlib.util.find_spec(package.replace("-", "_")) is None:
                return how_to_install(package)
        return ""


KNOWN: Mapping[str, Mapping[str, Builtin]] = {
    "esg.http": {
        "httptools": Builtin("esg_http.entry_points:httptools", ("esg-http", "httptools")),
        "h11": Builtin("esg_http.entry_points:h11", ("esg-http", "h11")),
    },
    "esg.http3": {
        "aioquic": Builtin("esg_http.h3.entry_points:aioquic", ("esg-http", "aioquic")),
    },
    "esg.ws": {
        "websockets": Builtin("esg_ws.entry_points:websockets", ("esg-ws", "websockets")),
        "wsproto": Builtin("esg_ws.entry_points:wsproto", ("esg-ws", "wsproto")),
        "none": Builtin("esg_core.plugins:no_upgrade"),
    },
    "esg.loop": {
        "uvloop": Builtin("esg_core.event_loops:uvloop_loop", ("uvloop",)),
        "asyncio": Builtin("esg_core.event_loops:asyncio_loop"),
    },
    "esg.admin": {
        "responder": Builtin("esg_admin.entry_points:responder", ("esg-admin",)),
    },
    "esg.commands": {word: Builtin(known.target, (known.package,)) for word, known in COMMANDS.items()},
}
"""By group and name, in the order in which `auto` tries them; the packages declare the same entry points."""

AUTO = "auto"


def http_factory(name: str, spell: Spell = str) -> HTTPFactory:
    """The HTTP protocol called `name`; raises the same as `find()`."""
    return cast("HTTPFactory", find("esg.http", name, spell))


def http3_factory(spell: Spell = str) -> HTTP3Factory:
    """What serves HTTP/3; raises the same as `find()`."""
    return cast("HTTP3Factory", find("esg.http3", AUTO, spell))


def ws_factory(name: str, spell: Spell = str) -> UpgradeFactory:
    """The WebSocket implementation called `name`; raises the same as `find()`."""
    return cast("UpgradeFactory", find("esg.ws", name, spell))


def no_upgrade(_context: "Context") -> None:
    """The implementation called `none`: upgrade requests are plain HTTP."""


def loop_factory(loop: str | LoopFactory, spell: Spell = str) -> LoopFactory:
    """A factory of event loops, by name or given; it may raise `StartupError`. Raises the same as `find()`."""
    make = find("esg.loop", loop, spell) if isinstance(loop, str) else loop
    what = f"{spell('loop')} {loop!r}"

    def make_loop() -> asyncio.AbstractEventLoop:
        with usable(what):
            found = make()
        if not isinstance(found, asyncio.AbstractEventLoop):
            raise StartupError(f"{what} returned {type(found).__name__}, which is not an event loop")
        return found

    return make_loop


def find_command(word: str) -> "Command | None":
    """The command that a word stands for, None if no package has one of this name.

    Raises `UsageError` if the package of one of ESG's own is missing, `StartupError` if it cannot be imported.
    """
    from esg_core.commands import Command

    known = KNOWN["esg.commands"].get(word)
    if known is not None and known.missing:
        raise UsageError(f"the command {word} is not installed: {known.missing}")
    target = known.target if known is not None else _registered("esg.commands").get(word)
    if target is None:
        return None
    found = import_string(target, f"the command {word}", str)
    if not isinstance(found, Command):
        raise StartupError(f"the command {word} is {type(found).__name__}, which is no Command of esg_core.commands")
    return found


@contextlib.contextmanager
def usable(what: str) -> Iterator[None]:
    """Turn what a foreign implementation raises inside the `with` block into a `StartupError`."""
    try:
        yield
    except ESGError:
        raise
    except Exception as error:
        raise StartupError(f"{what} cannot be used: {type(error).__name__}: {error}") from error


def find(group: str, name: str, spell: Spell = str) -> Callable[..., object]:
    """The implementation called `name` in a group; the module says what a name may be.

    Raises `UsageError` if the name is unknown or a package is missing, `StartupError` if importing it fails or if it is
    not callable. `spell` gives the names of options in errors.
    """
    option = spell(_option(group))
    found = import_string(locate(group, name, spell), option, spell)
    if isinstance(found, type) and issubclass(found, asyncio.BaseProtocol):
        raise UsageError(f"{option} {name!r}: {PROTOCOL_CLASSES.format(', '.join(KNOWN[group]))}")
    if not callable(found):
        raise StartupError(f"{option} {name!r} is {type(found).__name__}, which cannot be called")
    return found


def locate(group: str, name: str, spell: Spell = str) -> str:
    """The import string behind a name, without importing it; raises `UsageError` like `find()`."""
    chosen = resolve(group, name, spell)
    if ":" in chosen:
        return chosen
    known = KNOWN.get(group, {}).get(chosen)
    if known is None:
        return _entry_point(group, chosen, spell)
    if known.missing:
        raise UsageError(f"{spell(_option(group))} {chosen} is not installed: {known.missing}")
    return known.target


def resolve(group: str, name: str, spell: Spell = str) -> str:
    """The name that `name` stands for: `auto` and uvicorn's names are replaced, others returned as they are."""
    if name != AUTO:
        return SAME_VALUE.get((_option(group), name), name)
    ours = KNOWN.get(group, {})
    for candidate, known in ours.items():
        if not known.missing:
            return candidate
    raise UsageError(f"{spell(_option(group))}: nothing usable is installed: {_absent(ours)}")


def _entry_point(group: str, name: str, spell: Spell) -> str:
    """The import string behind a name that another package has registered."""
    registered = _registered(group)
    instead = NO_VALUE.get((_option(group), name))
    if instead is not None and name not in registered:
        raise UsageError(f"{spell(_option(group))}: {name!r} is for uvicorn only; {instead}")
    if name not in registered:
        raise UsageError(f"{spell(_option(group))}: unknown name {name!r}; {_choices(group, registered)}")
    return registered[name]


def _registered(group: str) -> Mapping[str, str]:
    """The import strings that all installed packages have registered, by name; slow."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=group)}


def _choices(group: str, registered: Iterable[str]) -> str:
    """Which names can be chosen, and how to install the others."""
    ours = KNOWN.get(group, {})
    here = sorted({own for own, known in ours.items() if not known.missing} | (set(registered) - ours.keys()))
    absent = _absent(ours)
    listed = ", ".join([AUTO, *here])
    more = f"; not installed: {absent}" if absent else ""
    return f"choose {listed} or MODULE:ATTRIBUTE{more}"


def _absent(known: Mapping[str, Builtin]) -> str:
    return ", ".join(f"{name} ({one.missing})" for name, one in known.items() if one.missing)


def _option(group: str) -> str:
    """The option that chooses from a group: `http` for `esg.http`."""
    return group.rpartition(".")[2]
