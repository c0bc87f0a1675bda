"""Every option, whichever it is: declared once, and the same from the command line, a variable, a file or a program.

Nothing here names how an option is read; a new option only needs a line in `SAMPLES`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import UsageError
from esg_core.options.catalogue import COMMAND_OPTIONS, SERVER_OPTIONS, CommandOptions, ServerOptions
from esg_core.options.config import Config
from esg_core.options.conflicts import NEED_TLS
from esg_core.options.merging import Arguments, Keywords, load
from esg_core.options.option import Argument, Option, did_you_mean
from esg_core.options.toml import inline
from esg_core.options.value_types import Action, Flag, Items, NotAllowed

SAMPLES: dict[str, tuple[str, object]] = {
    "app": ("site:make.app", "site:make.app"),
    "host": ("::1", "::1"),
    "port": ("9000", 9000),
    "uds": ("/run/esg.sock", "/run/esg.sock"),
    "fd": ("0", 0),
    "bind": ("127.0.0.1:0, [::1]:443,unix:/run/esg.sock", ["127.0.0.1:0", "[::1]:443", "unix:/run/esg.sock"]),
    "reuse_port": ("on", True),
    "backlog": ("16", 16),
    "proxy_protocol": ("1", True),
    "app_dir": ("src", "src"),
    "factory": ("yes", True),
    "interface": ("wsgi", "wsgi"),
    "lifespan": ("off", "off"),
    "root_path": ("/api/v1", "/api/v1"),
    "env_file": (".env", ".env"),
    "reset_contextvars": ("TRUE", True),
    "on_response": ("site.hooks:seen", "site.hooks:seen"),
    "loop": ("asyncio", "asyncio"),
    "http": ("site:protocol", "site:protocol"),
    "ws": ("none", "none"),
    "h11_max_incomplete_event_size": ("4096", 4096),
    "proxy_headers": ("off", False),
    "forwarded_allow_ips": ("10.0.0.0/8,unix", ["10.0.0.0/8", "unix"]),
    "server_header": ("no", False),
    "date_header": ("0", False),
    "header": ("X-Frame-Options:DENY\nX-List: a, b", ["X-Frame-Options:DENY", "X-List: a, b"]),
    "reload": ("on", True),
    "reload_dir": ("src, lib", ["src", "lib"]),
    "reload_include": ("*.html,templates", ["*.html", "templates"]),
    "reload_exclude": ("test_*", ["test_*"]),
    "reload_delay": ("1", 1.0),
    "limit_concurrency": ("100", 100),
    "limit_concurrent_requests": ("100", 100),
    "limit_max_requests": ("1000", 1000),
    "limit_max_requests_jitter": ("50", 50),
    "limit_keepalive_requests": ("10", 10),
    "limit_request_line": ("4096", 4096),
    "limit_request_headers": ("64", 64),
    "limit_request_header_size": ("8192", 8192),
    "limit_request_body": ("1048576", 1048576),
    "timeout_keep_alive": ("65", 65),
    "timeout_request_headers": ("2.5", 2.5),
    "timeout_request": ("0", 0),
    "timeout_write": ("10", 10.0),
    "timeout_tls_handshake": ("5", 5),
    "timeout_graceful_shutdown": ("0.5", 0.5),
    "backpressure": ("on", True),
    "backpressure_initial_limit": ("20", 20),
    "backpressure_min_limit": ("2", 2),
    "backpressure_max_limit": ("200", 200),
    "backpressure_elu_max": ("0.9", 0.9),
    "backpressure_sample_window": ("0.5", 0.5),
    "backpressure_smoothing": ("1", 1),
    "backpressure_queue_size": ("0", 0),
    "backpressure_queue_timeout": ("0", 0),
    "http2": ("off", False),
    "h2_max_concurrent_streams": ("250", 250),
    "h2_max_client_resets": ("100", 100),
    "h2_max_server_resets": ("5", 5),
    "h2_max_control_frames": ("10000", 10000),
    "h2_max_stream_window": ("4194304", 4194304),
    "h2_timeout_preface": ("2.5", 2.5),
    "h2_timeout_settings": ("0", 0),
    "ws_per_message_deflate": ("false", False),
    "ws_max_size": ("65536", 65536),
    "ws_max_queue": ("1", 1),
    "ws_ping_interval": ("0", 0),
    "ws_ping_timeout": ("2.5", 2.5),
    "log_config": ("logging.yaml", "logging.yaml"),
    "log_level": ("TRACE", "trace"),
    "access_log": ("false", False),
    "access_log_format": ("json", "json"),
    "use_colors": ("off", False),
    "ssl_certfile": ("cert.pem", "cert.pem"),
    "ssl_keyfile": ("key.pem", "key.pem"),
    "ssl_keyfile_password": ("hush", "hush"),
    "ssl_sni": ("a.example=a.pem:a.key, *.b.example=b.pem", ["a.example=a.pem:a.key", "*.b.example=b.pem"]),
    "ssl_version": ("5", 5),
    "ssl_cert_reqs": ("2", 2),
    "ssl_ca_certs": ("ca.pem", "ca.pem"),
    "ssl_ciphers": ("ECDHE+AESGCM", "ECDHE+AESGCM"),
    "workers": ("2", 2),
    "preload": ("on", True),
    "limit_worker_memory": ("512", 512),
    "limit_worker_lifetime": ("3600", 3600),
    "timeout_worker_healthcheck": ("5", 5.0),
    "pid_file": ("/run/esg.pid", "/run/esg.pid"),
    "shutdown_delay": ("3", 3.0),
    "health": ("true", True),
    "health_path": ("/live", "/live"),
    "ready_path": ("/ready", "/ready"),
    "preset": ("load-balancer", "load-balancer"),
}
"""For each option: a text of the command line or of a variable, and the same as a value of TOML or of a program."""

WRONG: dict[str, Any] = {
    "app": "main",
    "host": "[::1]",
    "port": 65536,
    "fd": -1,
    "bind": ["localhost"],
    "backlog": 0,
    "interface": "asgi4",
    "lifespan": "maybe",
    "root_path": "api",
    "on_response": "hook",
    "loop": "a b",
    "http": "a b",
    "ws": "a b",
    "ws_max_size": 0,
    "ws_max_queue": 0,
    "ws_ping_interval": -1,
    "ws_ping_timeout": -1,
    "forwarded_allow_ips": ["10.0.0.0/33"],
    "header": ["X-Frame-Options"],
    "reload_dir": [""],
    "reload_include": ["."],
    "reload_exclude": ["*.py\n"],
    "reload_delay": -1,
    "limit_concurrency": -1,
    "limit_max_requests_jitter": -1,
    "limit_request_line": 0,
    "limit_request_headers": 0,
    "limit_request_header_size": 0,
    "timeout_keep_alive": -1,
    "timeout_request": float("inf"),
    "limit_concurrent_requests": -1,
    "backpressure_initial_limit": 0,
    "backpressure_min_limit": 0,
    "backpressure_max_limit": 0,
    "backpressure_elu_max": 1.5,
    "backpressure_sample_window": 0.01,
    "backpressure_smoothing": 0,
    "backpressure_queue_size": -1,
    "backpressure_queue_timeout": -1,
    "log_level": "loud",
    "ssl_version": 1,
    "ssl_cert_reqs": 3,
    "shutdown_delay": -0.5,
    "health_path": "live",
    "ready_path": "/ready?now",
    "workers": 0,
    "limit_worker_memory": -1,
    "limit_worker_lifetime": -1,
    "timeout_worker_healthcheck": -1,
    "preset": "balancer",
}
"""A value that has the right type and is not allowed; options whose type allows everything are not here."""

options = pytest.mark.parametrize("option", SERVER_OPTIONS.values(), ids=list(SERVER_OPTIONS))
ALL = {**SERVER_OPTIONS, **COMMAND_OPTIONS}


def companions(name: str) -> dict[str, Any]:
    """What an option needs beside it; all plain enough to be the same as text and as value."""
    needed = {"app": "main:app"} if name != "app" else {}
    if name in NEED_TLS:
        needed["ssl_certfile"] = "cert.pem"
    if name == "ssl_cert_reqs":
        needed["ssl_ca_certs"] = "ca.pem"
    return needed


def expected(name: str) -> Config:
    values = {**companions(name), name: SAMPLES[name][1]}
    return Config(**values)


def typed(option: Option, text: str) -> Argument:
    """What a parser of command lines makes of the text."""
    if isinstance(option.kind, Flag):
        return bool(option.kind.parse(text))
    return text.split(option.kind.separator) if isinstance(option.kind, Items) else text


def test_each_option_has_a_sample_here() -> None:
    assert list(SAMPLES) == list(SERVER_OPTIONS)


@options
def test_a_sample_differs_from_the_default(option: Option) -> None:
    config = expected(option.name)
    assert getattr(config, option.name) != option.default


@options
def test_the_command_line_makes_the_same_config(option: Option) -> None:
    arguments = {**companions(option.name), option.name: typed(option, SAMPLES[option.name][0])}
    assert load(Arguments(arguments), {}).config == expected(option.name)


@options
def test_the_variable_makes_the_same_config(option: Option) -> None:
    texts = {**companions(option.name), option.name: SAMPLES[option.name][0]}
    variables = {str(ALL[name].variable): str(text) for name, text in texts.items()}
    assert load(Arguments({}), variables).config == expected(option.name)


@options
def test_the_key_of_the_file_makes_the_same_config(option: Option, tmp_path: Path) -> None:
    values = {**companions(option.name), option.name: SAMPLES[option.name][1]}
    path = tmp_path / "esg.toml"
    path.write_text("".join(f"{name} = {inline(value)}\n" for name, value in values.items()), encoding="utf-8")
    assert load(Arguments({"config": str(path)}), {}).config == expected(option.name)


@options
def test_the_keyword_makes_the_same_config(option: Option) -> None:
    values = {**companions(option.name), option.name: SAMPLES[option.name][1]}
    assert load(Keywords(values), {}).config == expected(option.name)


@options
def test_the_default_is_what_its_own_check_would_keep(option: Option) -> None:
    assert option.required or option.check(option.default) == option.default


@options
def test_the_value_of_a_config_is_kept_when_it_is_checked_again(option: Option) -> None:
    config = expected(option.name)
    assert dataclasses.replace(config) == config


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_allowed_gets_one_line_with_name_value_and_what_is_allowed(name: str) -> None:
    wrong = WRONG[name]
    shown = wrong[0] if isinstance(wrong, list) else wrong
    values = {"app": "main:app", name: wrong}
    with pytest.raises(UsageError) as caught:
        Config(**values)
    assert str(caught.value) == f"{name}={shown!r}: must be {SERVER_OPTIONS[name].kind.allowed}"


@options
@pytest.mark.parametrize("wrong", [b"bytes", 1j], ids=["bytes", "complex"])
def test_values_of_another_type_are_not_converted(option: Option, wrong: object) -> None:
    with pytest.raises(NotAllowed):
        option.check(wrong)


def test_flags_and_numbers_are_not_mixed_up() -> None:
    with pytest.raises(NotAllowed):
        SERVER_OPTIONS["access_log"].check(1)
    with pytest.raises(NotAllowed):
        SERVER_OPTIONS["backlog"].check(True)
    with pytest.raises(NotAllowed):
        SERVER_OPTIONS["timeout_write"].check(True)


@pytest.mark.parametrize("option", ALL.values(), ids=list(ALL))
def test_the_words_of_an_option_are_fit_to_be_read(option: Option) -> None:
    assert option.summary.endswith(".")
    assert len(option.summary) < 80
    assert "`" not in option.summary, "the terminal shows no code font"
    assert not option.details or option.details.endswith(".")
    assert option.metavar or isinstance(option.kind, Flag)


def test_every_name_of_an_option_is_made_from_its_one_name() -> None:
    option = SERVER_OPTIONS["timeout_keep_alive"]
    assert (option.flag, option.variable) == ("--timeout-keep-alive", "ESG_TIMEOUT_KEEP_ALIVE")


def test_actions_have_no_variable() -> None:
    actions = [option for option in ALL.values() if isinstance(option.kind, Action)]
    assert [(option.name, option.variable) for option in actions] == [("check", None), ("version", None)]


def test_no_name_is_declared_twice() -> None:
    fields = [*dataclasses.fields(ServerOptions), *dataclasses.fields(CommandOptions)]
    assert len({field.name for field in fields}) == len(fields)


def test_a_name_that_resembles_one_gets_a_hint_and_another_does_not() -> None:
    assert did_you_mean("timeout_keepalive", SERVER_OPTIONS) == "; did you mean timeout_keep_alive?"
    assert did_you_mean("zzz", SERVER_OPTIONS) == ""
