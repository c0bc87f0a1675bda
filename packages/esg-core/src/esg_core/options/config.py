"""`Config`: the options of one server, checked and complete.

Has no side effects: it opens, imports, logs and reads nothing, not even the environment (`esg_core.options.merging`
does that). Each value is checked when the object is created, and kept in one form: a limit or time-out that is off is
`inf`, lists are tuples, paths are str, times are float. A preset fills in what was not given.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esg_core.asgi import Headers
from esg_core.options.addresses import Address, Descriptor, TCPAddress, UnixAddress, parse_address
from esg_core.options.catalogue import SERVER_OPTIONS, ServerOptions
from esg_core.options.conflicts import check_combinations
from esg_core.options.groups.application import AppReference
from esg_core.options.option import Option, unknown
from esg_core.options.presets import PRESETS
from esg_core.options.uvicorn_names import translated
from esg_core.options.value_types import NotAllowed

if TYPE_CHECKING:
    from typing import Unpack

    from esg_core.options.keywords import ConfigOptions


@dataclass(frozen=True, kw_only=True, init=False, repr=False)
class Config(ServerOptions):
    """The options of one server: the application, and any option of `ServerOptions` by keyword.

    Takes the keywords of `uvicorn.Config` too (rule U-8). Raises `UsageError` for an unknown name, a value that is not
    allowed, and options that cannot be combined. Ignores the environment and configuration files:
    `esg_core.options.merging.load()` reads them.
    """

    spellings: Mapping[str, str] = field(repr=False, compare=False)

    def __init__(
        self,
        app: AppReference,
        *,
        spellings: Mapping[str, str] | None = None,
        **options: "Unpack[ConfigOptions]",
    ) -> None:
        """`spellings` maps options to what the user calls them, where that is not their name; see `spell()`."""
        given = translated({"app": app, **options})
        for name in given.keys() - SERVER_OPTIONS.keys():
            raise unknown(name, SERVER_OPTIONS)
        values = vars(self)
        values["spellings"] = spellings or {}
        for name, option in SERVER_OPTIONS.items():
            values[name] = _checked(option, *given[name]) if name in given else option.default
        if self.preset is not None:
            values.update({name: value for name, value in PRESETS[self.preset].items() if name not in given})
        check_combinations(values, self.changed())

    def __repr__(self) -> str:
        """Only what differs from the defaults; secrets are masked."""
        shown = (f"{name}={SERVER_OPTIONS[name].shown(value)}" for name, value in self.changed().items())
        return f"Config({', '.join(shown)})"

    def spell(self, name: str) -> str:
        """What the user calls an option, for messages: `--app-dir`, `ESG_APP_DIR` or `app_dir`."""
        return self.spellings.get(name, name)

    def with_value(self, name: str, value: object = None) -> str:
        """An option with its value or the given one, for messages: `--env-file x`, `ESG_ENV_FILE=x`, `env_file='x'`."""
        spelled, shown = self.spell(name), getattr(self, name) if value is None else value
        if spelled.startswith("-"):
            return f"{spelled} {shown}"
        return f"{spelled}={shown}" if spelled.isupper() else f"{spelled}={shown!r}"

    def changed(self) -> dict[str, object]:
        """The options that differ from their defaults, by name."""
        return {
            name: value for name, option in SERVER_OPTIONS.items() if (value := getattr(self, name)) != option.default
        }

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where to listen, as `bind`, `uds`, `fd` or `host` and `port` say."""
        if self.bind:
            return tuple(parse_address(text) for text in self.bind)
        if self.uds is not None:
            return (UnixAddress(str(self.uds)),)
        if self.fd is not None:
            return (Descriptor(self.fd),)
        return (TCPAddress(self.host or "", self.port),)

    @property
    def tls(self) -> bool:
        """Whether the server uses TLS."""
        return self.ssl_certfile is not None or self.ssl_context_factory is not None

    @property
    def has_parent(self) -> bool:
        """Whether workers serve under a parent that supervises them; otherwise one process does everything.

        Any option about workers brings a parent, even for one worker. An application that is an object can be passed
        only to a forked process.
        """
        return self.needs_parent or (self.workers is not None and isinstance(self.app, str))

    @property
    def needs_parent(self) -> bool:
        """Whether a single process cannot do what is asked; `workers=1` alone asks for nothing more."""
        is_limited = min(self.limit_worker_memory, self.limit_worker_lifetime) < math.inf
        return self.preload or is_limited or (self.workers or 1) > 1

    @property
    def default_headers(self) -> Headers:
        """The option `header` as ASGI headers: names in lower case, space around values removed."""
        pairs = (text.partition(":") for text in self.header)
        return [(name.lower().encode("ascii"), value.strip().encode("latin-1")) for name, _, value in pairs]

    @property
    def shortest_timeout(self) -> float:
        """The shortest time-out of a connection, in seconds; `inf` when all are off."""
        return min(
            self.timeout_keep_alive,
            self.timeout_request_headers,
            self.timeout_request,
            self.timeout_write,
            self.timeout_tls_handshake,
        )


def _checked(option: Option, called: str, value: object) -> object:
    try:
        return option.check(value)
    except NotAllowed as error:
        raise option.wrong(f"{called}={option.shown(error.value)}") from None
