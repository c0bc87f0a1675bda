"""What uvicorn takes, and what ESG makes of it (rule U-8): the one list of all its keywords.

Every keyword of `uvicorn.Config`, `uvicorn.run()` and its command is in `UVICORN`: as an option of ESG with the same
meaning, as a synonym of one, or refused with a line that says what to do instead. `Config` and the readers of options
translate by it, the page for those who come from uvicorn is made of it, and a test holds it against the installed
uvicorn. Knows no option's declaration and imports nothing of uvicorn.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from esg_core.errors import UsageError
from esg_core.options.option import PREFIX

THEIR_PREFIX = "UVICORN_"
"""How the names of uvicorn's variables begin."""


class Difference(NamedTuple):
    """What both do where that is not the same, and why ESG does it so."""

    uvicorn: str
    esg: str
    why: str = ""


class UvicornOption(NamedTuple):
    """One keyword of uvicorn's.

    `ours` is ESG's option, empty if there is none; then `instead` completes the line that refuses it. `convert` makes
    ESG's value of one that only uvicorn takes, and leaves any other as it is. Where `may_be_none`, None is not given.
    """

    name: str
    ours: str
    differs: Difference | None = None
    convert: Callable[[object], object] | None = None
    may_be_none: bool = False
    instead: str = ""


def translated(keywords: Mapping[str, object]) -> dict[str, tuple[str, object]]:
    """By ESG's names, what each was called and its value; what is not uvicorn's stays as it is. Raises `UsageError`."""
    found: dict[str, tuple[str, object]] = {}
    for keyword, given in keywords.items():
        known = UVICORN.get(keyword, UvicornOption(keyword, keyword))
        if known.instead:
            raise UsageError(f"{keyword}: an option of uvicorn only; {known.instead}")
        if given is None and known.may_be_none:
            continue
        if known.ours in found:
            raise UsageError(f"{found[known.ours][0]} and {keyword} are the same option: give one of them")
        found[known.ours] = keyword, given if known.convert is None else known.convert(given)
    return found


def without_effect(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of uvicorn's command that are set, and ESG's in their place, as far as those are not set."""
    pairs = [(known.name.upper(), known.ours.upper()) for known in UVICORN.values() if known.ours]
    names = {f"{THEIR_PREFIX}{theirs}": f"{PREFIX}{ours}" for theirs, ours in pairs}
    return {theirs: ours for theirs, ours in names.items() if variables.get(theirs) and not variables.get(ours)}


def _pairs(headers: object) -> object:
    """`[("name", "value")]` as `["name:value"]`."""
    if not isinstance(headers, list | tuple):
        return headers
    return [":".join(pair) if _is_pair(pair) else pair for pair in headers]


def _is_pair(value: Any) -> bool:
    is_pair = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)
    return is_pair and ":" not in value[0]


def _one_or_more(paths: object) -> object:
    """A path alone is a list of one, whatever characters it has."""
    return [paths] if isinstance(paths, str | os.PathLike) else paths


PROTOCOL_CLASSES = "a class of protocols is made for uvicorn; name what ESG is to use, such as {}"
"""Completes the line that refuses one as `http` or `ws`."""


def _no_class(option: str, names: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, type):
            raise UsageError(f"{option}={value.__name__}: {PROTOCOL_CLASSES.format(names)}")
        return value

    return check


SAME_VALUE = {
    ("loop", "none"): "asyncio:new_event_loop",
    ("loop", "zuvloop"): "zuvloop:new_event_loop",
    ("ws", "websockets-sansio"): "websockets",
}
"""Names of implementations that only uvicorn has, by option and name: what ESG calls the same."""

NO_VALUE = {("http", "zttp"): "HTTP/2 is spoken with httptools and with h11, so leave it out"}
"""Names of implementations that ESG has nothing in the place of, by option and name: what to do instead."""

_SAME = """
    app host port uds loop ws_ping_interval ws_ping_timeout ws_per_message_deflate lifespan env_file reload_delay
    backlog access_log server_header date_header limit_max_requests_jitter factory reset_contextvars
    ssl_keyfile ssl_certfile ssl_keyfile_password ssl_version ssl_cert_reqs ssl_ca_certs ssl_ciphers ssl_context_factory
"""

_OTHERS: Iterable[UvicornOption] = (
    UvicornOption("app_dir", "app_dir", may_be_none=True),
    UvicornOption("fd", "fd", Difference("taken for a UNIX socket", "any family", "supervisors hand over TCP too")),
    UvicornOption(
        "http",
        "http",
        Difference(
            "a name, an import string or a class of protocols",
            "a name, also of another package, or an import string; no class of protocols",
            "such a class is made for uvicorn",
        ),
        _no_class("http", "httptools or h11"),
    ),
    UvicornOption(
        "http2",
        "http2",
        Difference("off; needs `--http zttp`", "on, with either parser", "clients choose what they speak"),
    ),
    UvicornOption(
        "ws",
        "ws",
        Difference("as `http`", "as `http`; `websockets` is the sans-I/O one"),
        _no_class("ws", "websockets or wsproto"),
    ),
    UvicornOption(
        "ws_max_size",
        "ws_max_size",
        Difference(
            "uncompressed messages of some implementations",
            "what a message inflates to, while it inflates",
            "a small message can be a large one compressed",
        ),
    ),
    UvicornOption(
        "ws_max_queue",
        "ws_max_queue",
        Difference(
            "counts for the old implementation only",
            "counts always, and bytes do too (`--ws-max-queue-bytes`): then reading is paused",
        ),
    ),
    UvicornOption(
        "log_config",
        "log_config",
        Difference(
            "`.ini`, `.json`, `.yaml`; in a program also an open file",
            "also `.toml`; no open file; the loggers are `esg`, `esg.error`, `esg.access`",
            "it is read again when workers are restarted",
        ),
    ),
    UvicornOption(
        "log_level",
        "log_level",
        Difference("not set: what `log_config` says", "`info`, which leaves the levels of a `log_config` as they are"),
        may_be_none=True,
    ),
    UvicornOption(
        "use_colors",
        "use_colors",
        Difference("not set: on a terminal", "not set: on a terminal, unless `$NO_COLOR` is set"),
    ),
    UvicornOption(
        "interface", "interface", Difference("`auto` tells ASGI 2 from ASGI 3", "`auto` finds WSGI applications too")
    ),
    UvicornOption(
        "reload",
        "reload",
        Difference(
            "waits for open connections",
            "cuts them after 0.8 seconds",
            "one open event stream must not hold up every restart",
        ),
    ),
    UvicornOption(
        "reload_dirs",
        "reload_dir",
        Difference(
            "the current directory if it is not there", "an error if it is not there; `--app-dir` is watched without it"
        ),
        _one_or_more,
        may_be_none=True,
    ),
    UvicornOption("reload_includes", "reload_include", None, _one_or_more, may_be_none=True),
    UvicornOption(
        "reload_excludes",
        "reload_exclude",
        Difference(
            "looks at the name of a file, and at directories that exist",
            "what fits a directory counts for all in it, so `.venv` and `.git` are left out from the start",
        ),
        _one_or_more,
        may_be_none=True,
    ),
    UvicornOption(
        "workers",
        "workers",
        Difference(
            "1 is one process; ignored with `--reload`",
            "1 is a parent with one worker, and without the option there is one process; refused with `--reload`",
            "so that one worker can be restarted and replaced too",
        ),
    ),
    UvicornOption(
        "proxy_headers",
        "proxy_headers",
        Difference("`x-forwarded-for`, `-proto`", "also `-host`, `-port`, `-prefix` and `forwarded`"),
    ),
    UvicornOption(
        "forwarded_allow_ips",
        "forwarded_allow_ips",
        Difference(
            "literals; malformed entries never match",
            "malformed entries are an error; `unix` trusts the peers of UNIX sockets",
            "a mistyped network must not silently trust nobody",
        ),
        may_be_none=True,
    ),
    UvicornOption("root_path", "root_path", Difference("any text", "begins with `/`", "a path does")),
    UvicornOption(
        "limit_concurrency",
        "limit_concurrency",
        Difference("N counts the refused connection itself, so 1 refuses all", "N are served, the next is refused"),
    ),
    UvicornOption(
        "limit_max_requests",
        "limit_max_requests",
        Difference(
            "a worker stops, and another one starts", "the other one is ready first", "no request meets a closed door"
        ),
    ),
    UvicornOption(
        "timeout_keep_alive",
        "timeout_keep_alive",
        Difference(
            "whole seconds; 0 closes after each response",
            "also fractions; 0 is no limit, and `--limit-keepalive-requests 1` closes after each response",
            "0 switches every time-out off",
        ),
    ),
    UvicornOption(
        "timeout_graceful_shutdown",
        "timeout_graceful_shutdown",
        Difference(
            "waits for ever; 0 does not wait",
            "25 seconds; 0 waits for ever",
            "a stop that one open stream can hold up for ever is no stop; Kubernetes kills after 30",
        ),
    ),
    UvicornOption(
        "timeout_worker_healthcheck",
        "timeout_worker_healthcheck",
        Difference(
            "5 seconds, answered by a thread",
            "30 seconds, given by the event loop",
            "a blocked loop is what has to be noticed",
        ),
    ),
    UvicornOption(
        "headers",
        "header",
        Difference(
            "a header without a colon is a traceback; `server` and `date` are sent twice",
            "one line, exit code 2; they take the place of ESG's own",
        ),
        _pairs,
        may_be_none=True,
    ),
    UvicornOption(
        "h11_max_incomplete_event_size",
        "h11_max_incomplete_event_size",
        Difference("16 KiB", "the limits of heads, unless it is lower", "they hold with either parser"),
    ),
    UvicornOption("callback_notify", "", instead="call it in a task that the application's lifespan starts"),
    UvicornOption("timeout_notify", "", instead="that task can wait for as long as it likes"),
)

UVICORN: Mapping[str, UvicornOption] = {
    known.name: known for known in (*(UvicornOption(name, name) for name in _SAME.split()), *_OTHERS)
}
"""By keyword: that of `uvicorn.Config` and `uvicorn.run()`, which is also the name of a parameter of its command."""
