"""uvicorn's keywords and what ESG does with them (rule U-8): the one list of all.

Every keyword of `uvicorn.Config`, `uvicorn.run()` and its command is in `UVICORN`: as an option of ESG with the same
meaning, as a synonym of one, or refused with a line that says what to do instead. `Config` and the readers of options
translate with it, the page on migrating from uvicorn is generated from it, and a test compares it with the installed
uvicorn. Knows no option's declaration and imports nothing from uvicorn.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from esg_core.errors import UsageError
from esg_core.options.option import PREFIX

THEIR_PREFIX = "UVICORN_"
"""The prefix of uvicorn's variables."""


class Difference(NamedTuple):
    """What each does where they differ, and why ESG does it its way."""

    uvicorn: str
    esg: str
    why: str = ""


class UvicornOption(NamedTuple):
    """One keyword of uvicorn's.

    `ours` is ESG's option; if it is empty, `instead` completes the line that refuses the keyword. `convert` turns a
    value that only uvicorn takes into ESG's, and leaves others alone. With `may_be_none`, None counts as not given.
    """

    name: str
    ours: str
    differs: Difference | None = None
    convert: Callable[[object], object] | None = None
    may_be_none: bool = False
    instead: str = ""


def translated(keywords: Mapping[str, object]) -> dict[str, tuple[str, object]]:
    """ESG's names, each with the name and value given; other keywords are kept. Raises `UsageError`."""
    found: dict[str, tuple[str, object]] = {}
    for keyword, given in keywords.items():
        known = UVICORN.get(keyword, UvicornOption(keyword, keyword))
        if known.instead:
            raise UsageError(f"{keyword}: only uvicorn has this option; {known.instead}")
        if given is None and known.may_be_none:
            continue
        if known.ours in found:
            raise UsageError(f"{found[known.ours][0]} and {keyword} are the same option: give only one")
        found[known.ours] = keyword, given if known.convert is None else known.convert(given)
    return found


def without_effect(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables of uvicorn's command that are set, mapped to ESG's, unless those are set too."""
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
    """A single path as a list, whatever characters it has."""
    return [paths] if isinstance(paths, str | os.PathLike) else paths


PROTOCOL_CLASSES = "a protocol class works with uvicorn only; use a name, such as {}"
"""Completes the line that refuses a protocol class as `http` or `ws`."""


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
"""ESG's names for implementations that uvicorn calls something else, by option and uvicorn's name."""

NO_VALUE = {("http", "zttp"): "HTTP/2 works with httptools and with h11, so leave it out"}
"""What to do instead of naming an implementation that ESG does not have, by option and name."""

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
            "a name, an import string or a protocol class",
            "a name, which packages can add to, or an import string; no protocol class",
            "such a class works with uvicorn only",
        ),
        _no_class("http", "httptools or h11"),
    ),
    UvicornOption(
        "http2",
        "http2",
        Difference("off; needs `--http zttp`", "on, with either parser", "clients choose the version"),
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
            "uncompressed messages, with some implementations",
            "the inflated size, checked while inflating",
            "a small compressed message can inflate to a large one",
        ),
    ),
    UvicornOption(
        "ws_max_queue",
        "ws_max_queue",
        Difference(
            "applies to the old implementation only",
            "always applies, as does a limit in bytes (`--ws-max-queue-bytes`); reading is paused",
        ),
    ),
    UvicornOption(
        "log_config",
        "log_config",
        Difference(
            "`.ini`, `.json`, `.yaml`; in a program, also an open file",
            "also `.toml`; no open file; the loggers are `esg`, `esg.error`, `esg.access`",
            "the file is read again when workers are restarted",
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
        "interface",
        "interface",
        Difference("`auto` distinguishes ASGI 2 and ASGI 3", "`auto` detects WSGI applications too"),
    ),
    UvicornOption(
        "reload",
        "reload",
        Difference(
            "waits for open connections",
            "closes them after 0.8 seconds",
            "one open event stream must not hold up every restart",
        ),
    ),
    UvicornOption(
        "reload_dirs",
        "reload_dir",
        Difference(
            "the current directory if it does not exist",
            "an error if it does not exist; without it, `--app-dir` is watched too",
        ),
        _one_or_more,
        may_be_none=True,
    ),
    UvicornOption("reload_includes", "reload_include", None, _one_or_more, may_be_none=True),
    UvicornOption(
        "reload_excludes",
        "reload_exclude",
        Difference(
            "matches file names, and directories that exist",
            "a match of a directory covers all that is in it, so `.venv` and `.git` are ignored by default",
        ),
        _one_or_more,
        may_be_none=True,
    ),
    UvicornOption(
        "workers",
        "workers",
        Difference(
            "1 is one process; ignored with `--reload`",
            "1 is a parent with one worker, no option is one process; refused with `--reload`",
            "a single worker can be restarted and replaced too",
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
            "a mistyped network must not be ignored silently",
        ),
        may_be_none=True,
    ),
    UvicornOption("root_path", "root_path", Difference("any text", "must begin with `/`", "a path does")),
    UvicornOption(
        "limit_concurrency",
        "limit_concurrency",
        Difference("N includes the refused connection, so 1 refuses all", "N are served, the next one is refused"),
    ),
    UvicornOption(
        "limit_max_requests",
        "limit_max_requests",
        Difference(
            "a worker stops, then another one starts", "the new worker is ready first", "no request is turned away"
        ),
    ),
    UvicornOption(
        "timeout_keep_alive",
        "timeout_keep_alive",
        Difference(
            "whole seconds; 0 closes after each response",
            "fractions too; 0 is no limit, and `--limit-keepalive-requests 1` closes after each response",
            "0 switches every time-out off",
        ),
    ),
    UvicornOption(
        "timeout_graceful_shutdown",
        "timeout_graceful_shutdown",
        Difference(
            "waits forever; 0 does not wait",
            "25 seconds; 0 waits forever",
            "one open stream must not hold up a stop forever; Kubernetes kills after 30",
        ),
    ),
    UvicornOption(
        "timeout_worker_healthcheck",
        "timeout_worker_healthcheck",
        Difference(
            "5 seconds, answered by a thread",
            "30 seconds, answered by the event loop",
            "a blocked loop must be noticed",
        ),
    ),
    UvicornOption(
        "headers",
        "header",
        Difference(
            "a header without a colon causes a traceback; `server` and `date` are sent twice",
            "it causes one line and exit code 2; they replace ESG's own",
        ),
        _pairs,
        may_be_none=True,
    ),
    UvicornOption(
        "h11_max_incomplete_event_size",
        "h11_max_incomplete_event_size",
        Difference("16 KiB", "the limits of request heads, unless it is lower", "they apply with either parser"),
    ),
    UvicornOption("callback_notify", "", instead="call it from a task that the application's lifespan starts"),
    UvicornOption("timeout_notify", "", instead="that task can use any interval"),
)

UVICORN: Mapping[str, UvicornOption] = {
    known.name: known for known in (*(UvicornOption(name, name) for name in _SAME.split()), *_OTHERS)
}
"""By keyword of `uvicorn.Config` and `uvicorn.run()`, which is also the name of its command's parameter."""
