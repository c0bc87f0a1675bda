"""Which source wins when options come from several, and what is said about each (rules U-8, C-1)."""

import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import UsageError
from esg_core.options.merging import Settings, load
from esg_core.options.option import Argument
from esg_core.options.sources import Arguments, Keywords
from tests.support.unmeasured import ENVIRONMENT


def command(variables: Mapping[str, str] | None = None, **typed: Argument) -> Settings:
    """What `esg main:app` with these options makes."""
    return load(Arguments({"app": "main:app", **typed}), variables or {})


def program(variables: Mapping[str, str] | None = None, **keywords: Any) -> Settings:
    """What `esg.run("main:app", ...)` makes."""
    return load(Keywords({"app": "main:app", **keywords}), variables or {})


def complaint(variables: Mapping[str, str] | None = None, **typed: Argument) -> str:
    with pytest.raises(UsageError) as caught:
        command(variables, **typed)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "esg.toml"


def test_each_place_wins_over_the_next(file: Path) -> None:
    file.write_text('port = 3\nbacklog = 3\nlog_level = "debug"\npreset = "load-balancer"\ntimeout_keep_alive = 3\n')
    variables = {"ESG_PORT": "2", "ESG_BACKLOG": "2", "ESG_CONFIG": str(file)}
    settings = command(variables, port="1")
    config = settings.config
    assert (config.port, config.backlog, config.log_level) == (1, 2, "debug")
    assert (config.timeout_keep_alive, config.timeout_request, config.timeout_write) == (3, 30, 60)
    assert [settings.origin(name) for name in ("port", "backlog", "log_level", "timeout_request", "timeout_write")] == [
        "--port",
        "ESG_BACKLOG",
        str(file),
        "preset load-balancer",
        "default",
    ]


def test_backpressure_is_switched_by_who_comes_first(file: Path) -> None:
    """A-4: the variable wins over the file and the preset, and the command line over all of them."""
    file.write_text('preset = "load-balancer"\nbackpressure = true\n')
    assert command(config=str(file)).config.backpressure
    variables = {"ESG_BACKPRESSURE": "0"}
    assert not command(variables, config=str(file)).config.backpressure
    assert command(variables, config=str(file), backpressure=True).config.backpressure
    assert not program(backpressure=False, preset="load-balancer").config.backpressure


def test_keyword_arguments_win_over_variables() -> None:
    settings = program({"ESG_PORT": "2", "ESG_BACKLOG": "2"}, port=1)
    assert (settings.config.port, settings.config.backlog) == (1, 2)
    assert (settings.origin("port"), settings.origin("app")) == ("keyword argument", "keyword argument")


def test_a_flag_that_is_switched_off_wins_over_one_that_is_on() -> None:
    settings = command({"ESG_ACCESS_LOG": "yes"}, access_log=False)
    assert (settings.config.access_log, settings.origin("access_log")) == (False, "--no-access-log")


def test_the_application_may_come_from_a_variable_or_a_file(file: Path) -> None:
    file.write_text('app = "filed:app"\n')
    assert load(Arguments({}), {"ESG_APP": "named:app", "ESG_CONFIG": str(file)}).config.app == "named:app"
    assert load(Arguments({"config": str(file)}), {}).config.app == "filed:app"
    assert load(Keywords({"app": None, "config": file}), {}).config.app == "filed:app"


@pytest.mark.parametrize(("caller", "called"), [(Arguments({}), "APP"), (Keywords({"app": None}), "app")])
def test_without_an_application_there_is_one_line(caller: Arguments | Keywords, called: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(caller, {})
    assert str(caught.value) == (f"{called} is missing: name the application as MODULE:ATTRIBUTE, such as main:app")


def test_forwarded_allow_ips_is_the_default_that_the_environment_shares(file: Path) -> None:
    shared = {"FORWARDED_ALLOW_IPS": "10.0.0.1, 10.0.0.2"}
    settings = command(shared)
    assert settings.config.forwarded_allow_ips == ("10.0.0.1", "10.0.0.2")
    assert settings.origin("forwarded_allow_ips") == "FORWARDED_ALLOW_IPS"
    file.write_text('forwarded-allow-ips = ["*"]\n')
    assert command(shared, config=str(file)).config.forwarded_allow_ips == ("*",)
    assert command({"FORWARDED_ALLOW_IPS": ""}).config.forwarded_allow_ips == ("127.0.0.1", "::1")


def test_the_variables_of_the_process_count_unless_others_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_PORT", "9000")
    assert load(Keywords({"app": "main:app"})).config.port == 9000


def test_an_empty_variable_counts_as_not_set() -> None:
    assert command({"ESG_PORT": "", "ESG_UDS": ""}).config.port == 8000


@pytest.mark.parametrize(
    "variables",
    [
        {"ESG_SERVICE_HOST": "10.0.0.1", "ESG_SERVICE_PORT": "80", "ESG_SERVICE_PORT_HTTP": "80"},
        {"ESG_PORT": "tcp://10.0.0.1:80", "ESG_PORT_80_TCP": "tcp://10.0.0.1:80", "ESG_PORT_80_TCP_ADDR": "10.0.0.1"},
        {"ESG_APP_SERVICE_HOST": "10.0.0.1", "ESG_APP_PORT": "tcp://10.0.0.1:80", "ESG_APP_PORT_80_TCP_PROTO": "tcp"},
        {"ESG_VERSION": "0.1.0"},
        {"ESGOTHER": "1", "_ESG_COMPLETE": "bash_source"},
    ],
)
def test_variables_that_mean_something_else_are_passed_over(variables: dict[str, str]) -> None:
    """U-7: Kubernetes makes such variables for services whose names begin with `esg`; images name their version so."""
    assert command(variables) == command()


def test_variables_that_resemble_no_option_are_those_of_the_application() -> None:
    settings = command({"ESG_DATABASE_URL": "postgresql://", "ESG_API_KEY": "x", "ESG_CHECK": "1", "ESG_PORT": "9000"})
    assert settings.config.port == 9000
    assert settings.strangers == ("ESG_API_KEY", "ESG_CHECK", "ESG_DATABASE_URL")


@pytest.mark.parametrize(
    ("variables", "typed", "text"),
    [
        ({}, {"port": "80a"}, "--port 80a: must be a whole number from 0 to 65535"),
        ({}, {"port": "8 0"}, "--port '8 0': must be a whole number from 0 to 65535"),
        ({}, {"app": "main.py"}, "APP main.py: must be MODULE:ATTRIBUTE, such as main:app"),
        ({}, {"host": ""}, "--host '': must be a name, or an address without brackets"),
        ({}, {"bind": ["a:1", "b"]}, "--bind b: must be HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N"),
        ({}, {"timeout_write": "fast"}, "--timeout-write fast: must be a number of seconds, or 0 for no limit"),
        ({}, {"timeout_write": "nan"}, "--timeout-write nan: must be a number of seconds, or 0 for no limit"),
        ({}, {"limit_concurrency": "1e6"}, "--limit-concurrency 1e6: must be a whole number, or 0 for no limit"),
        ({}, {"lifespan": "yes"}, "--lifespan yes: must be one of auto, on, off"),
        ({}, {"preset": "x"}, "--preset x: must be load-balancer"),
        ({}, {"uds": "a\0b"}, "--uds 'a\\x00b': must be a path"),
        ({}, {"ssl_keyfile_password": ""}, "--ssl-keyfile-password ***: must be text, not empty"),
        ({}, {"port": "1", "bind": ["a:1"]}, "--bind and --port cannot be combined: name every listener with --bind"),
        (
            {},
            {"uds": "a", "fd": "1"},
            "--uds and --fd cannot be combined: for both, use --bind unix:PATH and --bind fd://N",
        ),
        ({}, {"ssl_keyfile": "k"}, "--ssl-keyfile needs --ssl-certfile: without a certificate there is no TLS"),
        ({"ESG_PORT": "80a"}, {}, "ESG_PORT=80a: must be a whole number from 0 to 65535"),
        ({"ESG_HEALTH": "maybe"}, {}, "ESG_HEALTH=maybe: must be true or false"),
        ({"ESG_PROT": "80"}, {}, "ESG_PROT: no such option; did you mean ESG_PORT?"),
        ({"ESG_ROOTPATH": "/api"}, {}, "ESG_ROOTPATH: no such option; did you mean ESG_ROOT_PATH?"),
        (
            {"FORWARDED_ALLOW_IPS": "10.0.0.0/33"},
            {},
            "FORWARDED_ALLOW_IPS=10.0.0.0/33: must be addresses, networks (10.0.0.0/8), unix, names or *",
        ),
        (
            {"ESG_BIND": "a:1", "ESG_UDS": "b"},
            {},
            "ESG_BIND and ESG_UDS cannot be combined: name every listener with ESG_BIND",
        ),
        ({"ESG_SSL_CIPHERS": "ALL"}, {}, "ESG_SSL_CIPHERS needs --ssl-certfile: without a certificate there is no TLS"),
    ],
)  # fmt: skip
def test_a_complaint_names_option_value_and_what_is_allowed(
    variables: dict[str, str], typed: dict[str, Argument], text: str
) -> None:
    assert complaint(variables, **typed) == text


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        ('port = "80"', 'port = "80" in {file}: must be a whole number from 0 to 65535'),
        ("port = 8000.0", "port = 8000.0 in {file}: must be a whole number from 0 to 65535"),
        ("access_log = 1", "access_log = 1 in {file}: must be true or false"),
        ("health = 2020-01-01", "health = 2020-01-01 in {file}: must be true or false"),
        ("bind = [1]", "bind = 1 in {file}: must be HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N"),
        ("bind = {}", "bind = {{}} in {file}: must be HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N"),
        ("ssl-keyfile-password = 1", "ssl-keyfile-password = *** in {file}: must be text, not empty"),
        ("prot = 80", "prot in {file}: no such option; did you mean port?"),
        ("wheels = 80", "wheels in {file}: no such option"),
        ("check = true", "check in {file}: no such option"),
        ("[server]\nport = 80", "[server] in {file}: no such table; keys are flat: write port outside any table"),
        ("[x]\na = 80", "[x] in {file}: no such table; keys are flat: write port outside any table"),
        ("reuse_port = true\nreuse-port = true", "reuse_port in {file}: set twice, with - and with _"),
        ("port = ", "--config {file}: not valid TOML: Invalid value (at end of document)"),
    ],
)  # fmt: skip
def test_a_complaint_about_a_file_names_the_file(toml: str, text: str, file: Path) -> None:
    file.write_text(toml)
    assert complaint(config=str(file)) == text.format(file=file)


def test_a_complaint_about_a_keyword_shows_the_keyword() -> None:
    with pytest.raises(UsageError, match=r"^port='80': must be a whole number from 0 to 65535$"):
        program(port="80")
    with pytest.raises(UsageError, match=r"^prot: no such option; did you mean port\?$"):
        program(prot=80)
    with pytest.raises(UsageError, match=r"^check: no such option"):
        program(check=True)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, binary = tmp_path / "none.toml", tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    assert complaint(config=str(missing)) == f"--config {missing}: no such file or directory"
    assert complaint({"ESG_CONFIG": str(tmp_path)}) == f"ESG_CONFIG {tmp_path}: is a directory"
    assert complaint(config=str(binary)).startswith(f"--config {binary}: not valid TOML: ")


def test_the_table_of_a_pyproject(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[project]\nname = "site"\n[tool.esg]\ntimeout-keep-alive = 65\n[tool.esg.log_config]\nversion = 1\n'
    )
    config = command(config=str(file)).config
    assert (config.timeout_keep_alive, config.log_config) == (65, {"version": 1})


@pytest.mark.parametrize("toml", ["", "[tool.other]", "[tool]\nesg = 1", "tool = 1"])
def test_a_pyproject_without_the_table(toml: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(toml)
    assert complaint(config=str(file)) == f"--config {file}: has no table [tool.esg]"


def test_none_as_a_keyword_is_not_set_or_off() -> None:
    config = program(uds=None, config=None, preset=None, timeout_request=None).config
    assert (config.uds, config.preset, config.timeout_request) == (None, None, math.inf)


@pytest.mark.parametrize(
    ("high", "low", "listening"),
    [
        ({"port": "9000"}, 'uds = "a"', "127.0.0.1:9000"),
        ({"port": "9000"}, 'host = "::1"', "[::1]:9000"),
        ({"port": "9000"}, 'bind = ["a:1"]', "127.0.0.1:9000"),
        ({"uds": "/a"}, 'bind = ["a:1"]', "unix:/a"),
        ({"uds": "/a"}, "fd = 3", "unix:/a"),
        ({"fd": "0"}, 'uds = "a"', "fd://0"),
        ({"bind": ["a:1", "b:2"]}, 'host = "b"\nport = 3\n', "a:1 b:2"),
        ({}, 'uds = "a"\nport = 9', "unix:a"),
    ],
)
def test_a_place_that_names_a_listener_displaces_those_of_lower_places(
    high: dict[str, Argument], low: str, listening: str, file: Path
) -> None:
    file.write_text(low)
    config = command(None, config=str(file), **high).config
    assert " ".join(map(str, config.addresses)) == listening


def test_a_keyword_of_none_displaces_nothing(file: Path) -> None:
    file.write_text('uds = "a"')
    assert program(config=file, port=8000).config.uds is None
    assert program(config=file, bind=[], fd=None).config.uds == "a"


def test_loading_options_reads_no_more_than_it_needs() -> None:
    """C-1: the command line starts at once."""
    program = (
        "import sys\n"
        "from esg_core.options.merging import load\n"
        "from esg_core.options.sources import Arguments\n"
        "load(Arguments({'app': 'main:app'}), {})\n"
        "print(*sorted({'asyncio', 'difflib', 'ipaddress', 'logging', 'ssl', 'tomllib'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30, env=ENVIRONMENT
    )
    assert answer.stdout.split() == []
