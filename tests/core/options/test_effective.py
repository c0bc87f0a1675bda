"""What `--check` prints: the effective configuration, valid TOML, each value with its source."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.config import Config
from esg_core.options.effective import effective_configuration
from esg_core.options.merging import load
from esg_core.options.option import Argument
from esg_core.options.sources import Arguments, Keywords

TYPED: list[dict[str, Argument]] = [
    {},
    {"port": "9000", "access_log": False, "header": ['A: b, "c"', "B:\\"], "limit_request_body": "0"},
    {"bind": ["127.0.0.1:1", "unix:/run/esg.sock"], "timeout_write": "0.5"},
    {"uds": "/run/esg.sock", "preset": "load-balancer", "timeout_request": "0", "use_colors": True},
    {"ssl_certfile": "c", "ssl_keyfile": "k", "ssl_ca_certs": "a", "ssl_cert_reqs": "2", "ssl_ciphers": "ALL"},
]


def listed(**typed: Argument) -> str:
    return effective_configuration(load(Arguments({"app": "main:app", **typed}), {}))


@pytest.mark.parametrize("typed", TYPED, ids=[" ".join(typed) for typed in TYPED])
def test_the_listing_is_a_configuration_file_that_makes_the_same_config(
    typed: dict[str, Argument], tmp_path: Path
) -> None:
    file = tmp_path / "esg.toml"
    file.write_text(listed(**typed), encoding="utf-8")
    again = load(Arguments({"config": str(file)}), {}).config
    assert again == load(Arguments({"app": "main:app", **typed}), {}).config


def test_every_option_is_listed_once() -> None:
    lines = listed().splitlines()
    for name in SERVER_OPTIONS:
        assert len([line for line in lines if line.removeprefix("# ").startswith(f"{name} ")]) == 1


def test_each_value_tells_where_it_comes_from() -> None:
    variables = {"ESG_BACKLOG": "16", "FORWARDED_ALLOW_IPS": "*"}
    typed: dict[str, Argument] = {"app": "main:app", "port": "9000", "health": False, "preset": "load-balancer"}
    lines = effective_configuration(load(Arguments(typed), variables)).splitlines()
    assert 'app = "main:app"  # APP' in lines
    assert "port = 9000  # --port" in lines
    assert "health = false  # --no-health" in lines
    assert "backlog = 16  # ESG_BACKLOG" in lines
    assert 'forwarded_allow_ips = ["*"]  # FORWARDED_ALLOW_IPS' in lines
    assert "timeout_keep_alive = 65  # preset load-balancer" in lines
    assert "timeout_write = 60  # default" in lines
    assert "limit_concurrency = 0  # default: off" in lines
    assert "# uds is not set" in lines


def test_secrets_are_not_shown() -> None:
    text = listed(ssl_certfile="c", ssl_keyfile_password="hush")
    assert "hush" not in text
    assert "# ssl_keyfile_password is set and not shown  # --ssl-keyfile-password" in text


def test_objects_of_a_program_stand_in_comments() -> None:
    def application() -> None: ...

    keywords: dict[str, Any] = {"app": application, "log_config": {"version": 1, "filters": {"f": {"()": len}}}}
    text = effective_configuration(load(Keywords(keywords), {}))
    assert "# app is <function" in text
    assert "# log_config is {'version': 1" in text
    assert "app" not in tomllib.loads(text)


def test_a_log_configuration_is_listed_as_a_table() -> None:
    keywords = {"app": "main:app", "log_config": {"version": 1, "loggers": {"esg.access": {"level": "INFO"}}}}
    listed = tomllib.loads(effective_configuration(load(Keywords(keywords), {})))
    assert listed["log_config"] == keywords["log_config"]


def test_every_value_that_is_set_can_be_read_back_by_keyword() -> None:
    listed_values: dict[str, Any] = tomllib.loads(listed())
    assert dataclasses.replace(Config(**listed_values)) == Config("main:app")
