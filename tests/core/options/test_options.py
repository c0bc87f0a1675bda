"""Every option: declared once, and the same from the command line, a variable, a file or a program.

Nothing here names how an option is read; a new option only needs a line in `SAMPLES`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import UsageError
from esg_core.options.catalogue import COMMAND_OPTIONS, SERVER_OPTIONS, CommandOptions, ServerOptions
from esg_core.options.config import Config
from esg_core.options.merging import load
from esg_core.options.option import Option, did_you_mean
from esg_core.options.sources import Arguments, Keywords
from esg_core.options.toml import inline
from esg_core.options.value_types import Action, Flag, NotAllowed
from tests.support.core.option_samples import SAMPLES, companions, expected, typed

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
    "timeout_request": float("nan"),
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
    "ssl_context_factory": "context",
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
"""A value of the right type that is not allowed; options whose type allows everything are left out."""

options = pytest.mark.parametrize("option", SERVER_OPTIONS.values(), ids=list(SERVER_OPTIONS))
ALL = {**SERVER_OPTIONS, **COMMAND_OPTIONS}


def test_each_option_has_a_sample_here() -> None:
    assert sorted(SAMPLES) == sorted(SERVER_OPTIONS)


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


URL_PATHS = {"root_path", "health_path", "ready_path"}


@options
def test_u9_a_path_object_is_taken_wherever_a_file_or_directory_is_named(option: Option) -> None:
    names_one = option.metavar in ("PATH", "DIR", "FILE", "GLOB") and option.name not in URL_PATHS
    try:
        kept = option.check(Path("a") / "b")
    except NotAllowed:
        assert not names_one
    else:
        assert names_one
        assert kept in ("a/b", ("a/b",))


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
