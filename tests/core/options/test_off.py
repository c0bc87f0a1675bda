"""Limits and time-outs that are off: `inf` in `Config`, however it was said, and shown as what a user writes."""

import math
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from click.testing import CliRunner

from esg_cli.command import command
from esg_core.errors import UsageError
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.config import Config
from esg_core.options.effective import effective_configuration
from esg_core.options.keywords import ConfigOptions
from esg_core.options.merging import Settings, load
from esg_core.options.option import Option
from esg_core.options.sources import Arguments, Keywords
from tests.support.core.option_samples import companions
from tools.options_page import page

OFF = {
    "h11_max_incomplete_event_size",
    "limit_concurrency",
    "limit_concurrent_requests",
    "limit_connections_per_client",
    "limit_keepalive_requests",
    "limit_max_requests",
    "limit_request_body",
    "limit_websockets",
    "limit_worker_lifetime",
    "limit_worker_memory",
    "backpressure_queue_timeout",
    "h2_timeout_preface",
    "h2_timeout_settings",
    "timeout_graceful_shutdown",
    "timeout_keep_alive",
    "timeout_request",
    "timeout_request_headers",
    "timeout_response",
    "timeout_tls_handshake",
    "timeout_worker_healthcheck",
    "timeout_write",
    "ws_ping_interval",
    "ws_ping_timeout",
}

each = pytest.mark.parametrize("option", [SERVER_OPTIONS[name] for name in sorted(OFF)], ids=sorted(OFF))


def by_flag(option: Option, _directory: Path) -> Settings:
    return load(Arguments({"app": "main:app", option.name: "0"}), {})


def by_variable(option: Option, _directory: Path) -> Settings:
    return load(Arguments({"app": "main:app"}), {str(option.variable): "0"})


def by_key(option: Option, directory: Path) -> Settings:
    file = directory / "esg.toml"
    file.write_text(f'app = "main:app"\n{option.name} = 0\n', encoding="utf-8")
    return load(Arguments({"config": str(file)}), {})


def by_0(option: Option, _directory: Path) -> Settings:
    return load(Keywords({"app": "main:app", option.name: 0}), {})


def by_none(option: Option, _directory: Path) -> Settings:
    return load(Keywords({"app": "main:app", option.name: None}), {})


def by_inf(option: Option, _directory: Path) -> Settings:
    return load(Keywords({"app": "main:app", option.name: math.inf}), {})


def test_these_options_can_be_off() -> None:
    assert {name for name, option in SERVER_OPTIONS.items() if option.kind.can_be_off} == OFF


@each
@pytest.mark.parametrize("say", [by_flag, by_variable, by_key, by_0, by_none, by_inf])
def test_off_is_inf_in_the_config_and_0_in_the_listing(option: Option, say: Any, tmp_path: Path) -> None:
    settings = say(option, tmp_path)
    assert getattr(settings.config, option.name) == math.inf
    [line] = [line for line in effective_configuration(settings).splitlines() if line.startswith(f"{option.name} = ")]
    assert line == f"{option.name} = 0  # {settings.origin(option.name)}: off"
    if option.default != math.inf:
        assert repr(settings.config) == f"Config(app='main:app', {option.name}=None)"


@each
def test_what_is_not_off_is_kept_with_its_type(option: Option) -> None:
    values: dict[str, Any] = {**companions(option.name), option.name: 7}
    kept = getattr(Config(**values), option.name)
    assert (kept, type(kept)) == (7, int if isinstance(option.kind.parse("7"), int) else float)


@each
@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "off", "none", ""])
def test_a_text_says_0(option: Option, text: str) -> None:
    with pytest.raises(UsageError, match=f"{option.flag} .*: must be a .*, or 0 for no limit"):
        load(Arguments({"app": "main:app", option.name: text}), {})


@each
def test_an_off_default_is_shown_as_off(option: Option) -> None:
    entry = page().partition(f"### {option.name}\n")[2].partition("\n### ")[0]
    assert ("| Default | off |" in entry) == (option.default == math.inf)
    assert "inf" not in entry.replace("info", "")
    described = (
        CliRunner().invoke(command, ["--help-all"]).output.partition(f"{option.flag} ")[2].partition("\n  --")[0]
    )
    assert "inf" not in described


@each
def test_a_keyword_may_be_none_for_type_checkers(option: Option) -> None:
    assert type(None) in get_args(get_type_hints(ConfigOptions)[option.name])
