"""Assembles a server: everything that can fail before the application starts up.

Quick checks come first: names, certificates, ports in use; only then is the application imported. If anything fails,
nothing is left behind.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from esg_core.access.formats import line_format
from esg_core.app.forked_children import watch_forks
from esg_core.app.interfaces import is_only_http
from esg_core.app.lifespan import Lifespan
from esg_core.app.loading import import_string, load_application, prepare_imports, read_variables
from esg_core.asgi import Application, Headers, Scope
from esg_core.context import Context, ResponseHook
from esg_core.errors import StartupError, UsageError
from esg_core.options.log_levels import TRACE
from esg_core.plugins import (
    AUTO,
    HTTP3Factory,
    HTTPFactory,
    http3_factory,
    http_factory,
    locate,
    loop_factory,
    usable,
    ws_factory,
)
from esg_core.sockets.activation import file_rights, own_sockets
from esg_core.sockets.bound import AnySocket, BoundSocket, adopt, close_all
from esg_core.sockets.listeners import Listeners

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.overload.admission import Admission
    from esg_core.overload.backpressure import Backpressure
    from esg_core.sockets.datagrams import Datagrams
    from esg_core.sockets.handshakes import TLSOptions
    from esg_core.sockets.tickets import TicketKeys


class ServerParts(NamedTuple):
    """The parts of one server."""

    context: Context
    lifespan: Lifespan
    listeners: Listeners


def assemble(
    config: "Config", sockets: Sequence[AnySocket] | None = None, tickets: "TicketKeys | None" = None
) -> ServerParts:
    """Bind and import what the configuration names; `sockets` take the place of its addresses.

    `tickets` has the keys of TLS tickets that other processes use as well; None for keys of the server's own. Needs a
    running event loop, so that an application may use it while it is imported. Raises `UsageError` or `StartupError`.
    """
    if config.reload:
        raise UsageError("reload: a server cannot restart itself: use the command esg, or esg.run()")
    if config.needs_parent:
        raise UsageError("workers: a server is one process: use the command esg, or esg.run()")
    prepare_imports(config)
    check_access_log(config)
    ws_factory(config.ws, config.spell)
    protocols = http_factory(config.http, config.spell)
    tls = tls_options(config, protocols, tickets)
    http3 = http3_factory(config.spell) if config.http3 else None
    bound = _bind(config, sockets)
    try:
        return _assemble(config, protocols, bound, tls, http3)
    except BaseException:
        close_all(bound)
        raise


def check_files_and_names(config: "Config") -> None:
    """Check files and names in the options without importing the user's code, for a process that only starts others.

    Raises `UsageError`.
    """
    check_access_log(config)
    if config.admin is not None:
        from esg_core.monitoring.opening import check_admin

        check_admin(config)
    if config.http3:
        locate("esg.http3", AUTO, config.spell)
    for option in ("http", "ws", "loop"):
        chosen = getattr(config, option)
        if isinstance(chosen, str):
            locate(f"esg.{option}", chosen, config.spell)
    file_rights(config)
    if config.ssl_certfile is not None:
        from esg_core.sockets.tls import server_context

        server_context(config)
    read_variables(config)


def import_parts(config: "Config") -> None:
    """Import what the options name, except the application; raises `UsageError` or `StartupError`."""
    http_factory(config.http, config.spell)
    ws_factory(config.ws, config.spell)
    loop_factory(config.loop, config.spell)
    response_hook(config)


def check_access_log(config: "Config") -> None:
    """Read the format of the access log, if there is one; raises `UsageError`."""
    if config.access_log:
        line_format(config.access_log_format, option=config.spell("access_log_format"))


def tls_options(config: "Config", protocols: HTTPFactory, tickets: "TicketKeys | None" = None) -> "TLSOptions | None":
    """How connections use TLS, None without TLS; ALPN offers what the HTTP protocol supports."""
    if not config.tls:
        return None
    from esg_core.sockets.handshakes import TLSOptions
    from esg_core.sockets.tickets import TicketKeys, WithTickets
    from esg_core.sockets.tls import HTTP_1_1, HTTP_2_AND_1_1, renewed_context

    offered = HTTP_2_AND_1_1 if config.http2 and getattr(protocols, "speaks_http2", False) else HTTP_1_1
    contexts = WithTickets(renewed_context(config, offered), tickets or TicketKeys())
    return TLSOptions(contexts, config.timeout_tls_handshake)


def _bind(config: "Config", sockets: Sequence[AnySocket] | None) -> list[BoundSocket]:
    """The sockets to listen on, with UDP sockets beside them if HTTP/3 is on."""
    if not config.http3:
        return adopt(sockets) if sockets is not None else own_sockets(config)
    from esg_core.sockets.beside import bind_beside, own_with_datagrams

    return bind_beside(adopt(sockets)) if sockets is not None else own_with_datagrams(config)


def _assemble(
    config: "Config",
    protocols: HTTPFactory,
    bound: Sequence[BoundSocket],
    tls: "TLSOptions | None",
    http3: HTTP3Factory | None,
) -> ServerParts:
    context = context_for(config)
    datagrams = None if http3 is None else _datagrams(context, bound, http3)
    with usable(f"{config.spell('http')} {config.http!r}"):
        factory = protocols(context)
    handshakes = None
    if tls is not None:
        from esg_core.sockets.handshakes import Handshakes

        handshakes = Handshakes(tls, context.budget, context.handshakes)
    if config.proxy_protocol:
        from esg_core.sockets.proxy_protocol import after_preface

        with_preface = after_preface(factory, context, handshakes)
        listeners = Listeners(bound, with_preface, datagrams=datagrams)
    else:
        listeners = Listeners(bound, factory, handshakes, datagrams)
    return ServerParts(context, Lifespan(context, config.lifespan), listeners)


def _datagrams(context: Context, bound: Sequence[BoundSocket], http3: HTTP3Factory) -> "Datagrams":
    """What serves HTTP/3 on the UDP sockets beside the others; from now on, responses name their ports."""
    from esg_core.header_fields import Alternatives
    from esg_core.sockets.datagrams import Datagrams

    max_age = context.config.http3_alt_svc_max_age
    if max_age:
        ports = frozenset(one.sock.getsockname()[1] for one in bound if one.beside is not None)
        context.alternatives = Alternatives(ports, max_age)
    with usable(context.config.spell("http3")):
        make_endpoint = http3(context)
    return Datagrams(bound, make_endpoint, context.budget)


def context_for(config: "Config") -> Context:
    """A context of the running loop, with the application and the hook that the configuration names."""
    context = Context(config, load_application(config), asyncio.get_running_loop())
    watch_forks(context)
    context.on_response = response_hook(config)
    context.upgrades = upgrades(context)
    if config.health:
        from esg_core.overload.health import Health

        context.health = Health(config.health_path, config.ready_path)
    install_admission(context)
    if config.admin is not None:
        from esg_core.figures.tally import Tally
        from esg_core.overload.loop_load import choose_meter

        context.tally = Tally(choose_meter(context.loop), context, config.slow_request)
    logger = logging.getLogger("esg.asgi")
    if logger.isEnabledFor(TRACE):
        from esg_core.lifecycle.tracing import install_tracing

        install_tracing(context, logger)
    return context


def install_admission(context: Context) -> None:
    """Give the context the admission that its configuration asks for, if it asks for any."""
    config = context.config
    if config.backpressure:
        context.admission, context.backpressure = _adaptive(config, context.loop)
    elif config.limit_concurrent_requests < math.inf:
        from esg_core.overload.admission import Admission

        context.admission = Admission(context.loop, int(config.limit_concurrent_requests))


def _adaptive(config: "Config", loop: asyncio.AbstractEventLoop) -> "tuple[Admission, Backpressure]":
    """Admission with a limit that moves, under the ceiling of the static one."""
    from esg_core.overload.admission import Admission
    from esg_core.overload.aimd import AIMD
    from esg_core.overload.backpressure import Backpressure
    from esg_core.overload.loop_load import choose_meter

    low = config.backpressure_min_limit
    high = int(min(config.backpressure_max_limit, config.limit_concurrent_requests))
    initial = min(max(low, config.backpressure_initial_limit or high), high)
    admission = Admission(
        loop, initial, config.backpressure_queue_size, config.backpressure_queue_timeout, config.backpressure_smoothing
    )
    elu_max = config.backpressure_elu_max
    policy = AIMD(low, high, elu_max)
    window = config.backpressure_sample_window
    return admission, Backpressure(loop, admission, choose_meter(loop), policy, window=window, elu_max=elu_max)


def upgrades(context: Context) -> dict[bytes, Application]:
    """What serves upgrade requests, by the name of the protocol; empty for WSGI."""
    if is_only_http(context.app):
        return {}
    make = ws_factory(context.config.ws, context.config.spell)
    with usable(f"{context.config.spell('ws')} {context.config.ws!r}"):
        websocket = make(context)
    return {} if websocket is None else {b"websocket": websocket}


def response_hook(config: "Config") -> ResponseHook | None:
    """The hook of the option `on_response`, imported if need be.

    Without one, a hook that changes nothing where responses get the ids of their requests: they pass the same way.
    """
    hook = config.on_response
    if hook is None and config.request_id:
        return _change_nothing
    if isinstance(hook, str):
        option = config.spell("on_response")
        found = import_string(hook, f"the hook {option}", config.spell)
        if not callable(found):
            raise StartupError(f"{option}: {hook!r} is {type(found).__name__}, which cannot be called")
        hook = found
    return cast(ResponseHook | None, hook)


def _change_nothing(_scope: Scope | None, _status: int, _headers: Headers) -> None:
    """A response hook."""
