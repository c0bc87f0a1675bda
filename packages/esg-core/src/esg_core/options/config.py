"""`Config`: what one server is to do, checked and complete.

Has no side effects: it opens, imports, logs and reads nothing, not even the environment (`esg_core.options.merging`
does that). Each value is checked when the object is made, and kept in one form: what is switched off by 0 is None,
lists are tuples, paths are str, times are float. A preset fills in what was not given.
"""

from collections.abc import Iterator, Mapping
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

NO_TIMEOUT = 60.0
"""What `Config.shortest_timeout` is when every time-out is off: then any finite time will do."""


@dataclass(frozen=True, kw_only=True, init=False, repr=False)
class Config(ServerOptions):
    """What one server is to do: the application, and any option of `ServerOptions` by keyword.

    Takes the keywords of `uvicorn.Config` too (rule U-8). Raises `UsageError` for an unknown name, a value that is not
    allowed and options that contradict each other. The environment and configuration files do not count here:
    `esg_core.options.merging.load()` is where they do.
    """

    spellings: Mapping[str, str] = field(repr=False, compare=False)

    def __init__(
        self,
        app: AppReference,
        *,
        spellings: Mapping[str, str] | None = None,
        **options: "Unpack[ConfigOptions]",
    ) -> None:
        """`spellings` is how the user calls options, as far as that is not by their names; see `spell()`."""
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
        """Only what differs from the defaults, and no secret."""
        shown = (f"{name}={SERVER_OPTIONS[name].shown(value)}" for name, value in self.changed().items())
        return f"Config({', '.join(shown)})"

    def spell(self, name: str) -> str:
        """What the user calls an option, for messages: `--app-dir`, `ESG_APP_DIR`, `app_dir`."""
        return self.spellings.get(name, name)

    def with_value(self, name: str, value: object = None) -> str:
        """An option and its value, or another one, for messages: `--env-file x`, `ESG_ENV_FILE=x`, `env_file='x'`."""
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
        """Where to listen, whichever of `bind`, `uds`, `fd`, `host` and `port` says so."""
        if self.bind:
            return tuple(parse_address(text) for text in self.bind)
        if self.uds is not None:
            return (UnixAddress(str(self.uds)),)
        if self.fd is not None:
            return (Descriptor(self.fd),)
        return (TCPAddress(self.host or "", self.port),)

    @property
    def tls(self) -> bool:
        """Whether the server speaks TLS."""
        return self.ssl_certfile is not None or self.ssl_context_factory is not None

    @property
    def has_parent(self) -> bool:
        """Whether workers serve, supervised by a parent that does not; otherwise one process does everything.

        There is one as soon as any option is about workers, also for one worker. An application that is an object can
        be handed to no other process, unless that is forked.
        """
        return self.needs_parent or (self.workers is not None and isinstance(self.app, str))

    @property
    def needs_parent(self) -> bool:
        """Whether a server of one process cannot do what is asked for; it can be the one of `workers=1`."""
        return bool(self.preload or self.limit_worker_memory or self.limit_worker_lifetime or (self.workers or 1) > 1)

    @property
    def default_headers(self) -> Headers:
        """The option `header` as ASGI carries headers: names in lower case, space around values removed."""
        pairs = (text.partition(":") for text in self.header)
        return [(name.lower().encode("ascii"), value.strip().encode("latin-1")) for name, _, value in pairs]

    @property
    def shortest_timeout(self) -> float:
        """The shortest time-out of a connection that is not off, in seconds."""
        return min(self._timeouts(), default=NO_TIMEOUT)

    def _timeouts(self) -> Iterator[float]:
        for timeout in (
            self.timeout_keep_alive,
            self.timeout_request_headers,
            self.timeout_request,
            self.timeout_write,
            self.timeout_tls_handshake,
        ):
            if timeout is not None:
                yield timeout


def _checked(option: Option, called: str, value: object) -> object:
    try:
        return option.check(value)
    except NotAllowed as error:
        raise option.wrong(f"{called}={option.shown(error.value)}") from None
