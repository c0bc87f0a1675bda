"""`Config`: checked and complete when it is made, and without side effects (rules U-2, C-1)."""

import copy
import dataclasses
import math
import pickle
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from esg_core.errors import UsageError
from esg_core.options.addresses import Address, Descriptor, TCPAddress, UnixAddress
from esg_core.options.config import Config
from esg_core.options.option import brief
from esg_core.options.presets import PRESETS

TIMEOUTS = (
    "timeout_keep_alive",
    "timeout_request_headers",
    "timeout_request",
    "timeout_write",
    "timeout_tls_handshake",
)


async def application(scope: object, receive: object, send: object) -> None:
    """An application object, where a test needs one."""


def refused(**values: Any) -> str:
    """The text of the error that the values raise."""
    with pytest.raises(UsageError) as caught:
        Config(**{"app": "main:app", **values})
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_defaults_are_those_of_the_specification() -> None:
    config = Config("main:app")
    assert (config.host, config.port, config.uds, config.fd, config.bind) == ("127.0.0.1", 8000, None, None, ())
    assert (config.backlog, config.root_path, config.log_level, config.lifespan) == (2048, "", "info", "auto")
    assert (config.access_log, config.server_header, config.date_header, config.proxy_headers) == (True,) * 4
    assert (config.limit_request_line, config.limit_request_headers, config.limit_request_header_size) == (
        16384,
        128,
        65536,
    )
    assert tuple(getattr(config, name) for name in TIMEOUTS) == (5, 15, 300, 60, 15)
    assert (config.timeout_graceful_shutdown, config.shutdown_delay, config.health) == (25, 0, False)
    assert (config.health_path, config.ready_path) == ("/__esg_health__", "/__esg_ready__")
    assert config.forwarded_allow_ips == ("127.0.0.1", "::1")


def test_the_tls_defaults_are_the_constants_of_ssl() -> None:
    config = Config("main:app")
    assert (config.ssl_version, config.ssl_cert_reqs) == (ssl.PROTOCOL_TLS_SERVER, ssl.CERT_NONE)
    required = Config("main:app", ssl_certfile="c.pem", ssl_ca_certs="ca.pem", ssl_cert_reqs=ssl.CERT_REQUIRED)
    assert required.ssl_cert_reqs == 2


def test_the_application_is_the_only_positional_argument() -> None:
    arguments: Any = ("main:app", "127.0.0.1")
    with pytest.raises(TypeError):
        Config(*arguments)


def test_the_application_may_be_an_object() -> None:
    assert Config(application).app is application


@pytest.mark.parametrize("wrong", ["main", "main.py", "main:", ":app", "main:app()", "src/main:app", "", None, 3])
def test_the_application_is_module_and_attribute(wrong: object) -> None:
    assert refused(app=wrong) == f"app={wrong!r}: must be MODULE:ATTRIBUTE, such as main:app"


def test_an_unknown_name_gets_a_hint() -> None:
    assert refused(prot=9000) == "prot: no such option; did you mean port?"
    assert refused(wheels=2) == "wheels: no such option"


def test_a_config_is_frozen_and_can_be_compared_copied_pickled_and_changed() -> None:
    config = Config("main:app", port=9000)
    assert config == pickle.loads(pickle.dumps(config)) == copy.copy(config)
    assert hash(config) == hash(copy.copy(config))
    assert dataclasses.replace(config, port=1).port == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.__setattr__("port", 1)


def test_the_representation_shows_what_was_set_and_no_secret() -> None:
    config = Config("main:app", port=9000, ssl_certfile="cert.pem", ssl_keyfile_password="hush")
    assert repr(config) == "Config(app='main:app', port=9000, ssl_certfile='cert.pem', ssl_keyfile_password=***)"


def test_no_secret_is_shown_in_an_error() -> None:
    assert refused(ssl_keyfile_password=4711) == "ssl_keyfile_password=***: must be text, not empty"


def test_long_values_are_cut_in_errors() -> None:
    assert len(refused(interface="x" * 10_000)) < 120


@pytest.mark.parametrize("off", [0, 0.0, None])
@pytest.mark.parametrize("name", [*TIMEOUTS, "timeout_graceful_shutdown"])
def test_0_and_none_switch_a_timeout_off(name: str, off: float | None) -> None:
    assert getattr(Config("main:app", **{name: off}), name) == math.inf  # type: ignore[arg-type]  # each name is a time-out


@pytest.mark.parametrize("off", [0, None])
@pytest.mark.parametrize(
    "name", ["limit_concurrency", "limit_max_requests", "limit_keepalive_requests", "limit_request_body"]
)
def test_0_and_none_switch_a_limit_off(name: str, off: int | None) -> None:
    assert getattr(Config("main:app", **{name: off}), name) == math.inf  # type: ignore[arg-type]  # each name is a limit


@pytest.mark.parametrize("wrong", [math.nan, -math.inf, -0.1, "15", True, False, 10**400])
def test_times_are_numbers(wrong: object) -> None:
    shown = brief(wrong)
    assert refused(timeout_write=wrong) == f"timeout_write={shown}: must be a number of seconds, or 0 for no limit"
    assert refused(reload_delay=wrong if wrong is not False else -1).endswith(
        ": must be a number of seconds, 0 or more"
    )


@pytest.mark.parametrize("mode", ["660", "0660", "0o660", 0o660])
def test_s7_permissions_are_octal(mode: str | int) -> None:
    assert Config("main:app", uds_permissions=mode).uds_permissions == "660"


@pytest.mark.parametrize("wrong", [660, -1, 0o1000, True, "", "66", "668", "1660", "0x1b0", "rw-rw----", " 660", 6.6])
def test_s7_whatever_else_are_no_permissions(wrong: object) -> None:
    """Least of all a number that was meant to be octal."""
    assert refused(uds_permissions=wrong) == f"uds_permissions={wrong!r}: must be permissions in octal, such as 660"


@pytest.mark.parametrize("option", ["uds_owner", "uds_group"])
def test_s7_accounts_are_names_or_numbers(option: str) -> None:
    for right in ("www-data", "1000", 1000, 0):
        assert getattr(Config("main:app", **{option: right}), option) == str(right)  # type: ignore[arg-type]  # as above
    for wrong in ("", "www-data:www-data", "www\n", -1, True, 1.5):
        assert refused(**{option: wrong}) == f"{option}={wrong!r}: must be a name or a number"


def test_what_cannot_be_off_is_finite() -> None:
    assert refused(shutdown_delay=math.inf) == "shutdown_delay=inf: must be a number of seconds, 0 or more"
    assert refused(backlog=math.inf) == "backlog=inf: must be a whole number, 1 or more"


def test_the_limits_of_a_head_cannot_be_switched_off() -> None:
    """H-20: what one connection can cost is bounded."""
    assert refused(limit_request_line=0) == "limit_request_line=0: must be a whole number of bytes, 1 or more"


def test_lists_become_tuples_and_a_text_is_cut() -> None:
    config = Config("main:app", bind=["a:1", "unix:/b"], forwarded_allow_ips="10.0.0.1, ::1,")
    assert config.bind == ("a:1", "unix:/b")
    assert config.forwarded_allow_ips == ("10.0.0.1", "::1")


def test_paths_become_texts() -> None:
    config = Config("main:app", uds=Path("run") / "esg.sock", ssl_certfile=Path("cert.pem"))
    assert (config.uds, config.ssl_certfile) == (str(Path("run") / "esg.sock"), "cert.pem")


def test_a_log_configuration_may_be_a_mapping() -> None:
    table = {"version": 1}
    assert Config("main:app", log_config=table).log_config is table


def test_words_are_kept_in_lower_case() -> None:
    values: dict[str, Any] = {"log_level": "DEBUG"}
    assert Config("main:app", **values).log_level == "debug"


@pytest.mark.parametrize(
    ("values", "addresses"),
    [
        ({}, (TCPAddress("127.0.0.1", 8000),)),
        ({"host": "::", "port": 0}, (TCPAddress("::", 0),)),
        ({"uds": "/run/esg.sock"}, (UnixAddress("/run/esg.sock"),)),
        ({"uds": "/run/esg.sock", "port": 1}, (UnixAddress("/run/esg.sock"),)),
        ({"fd": 0}, (Descriptor(0),)),
        ({"bind": ["[::1]:1", "unix:a", "fd://3"]}, (TCPAddress("::1", 1), UnixAddress("a"), Descriptor(3))),
    ],
)
def test_the_addresses_to_listen_on(values: dict[str, Any], addresses: tuple[Address, ...]) -> None:
    assert Config("main:app", **values).addresses == addresses


def test_default_headers_are_as_asgi_carries_them() -> None:
    config = Config("main:app", header=["X-Frame-Options: DENY ", "Link:", "X-Name:caf\xe9:b"])
    assert config.default_headers == [(b"x-frame-options", b"DENY"), (b"link", b""), (b"x-name", b"caf\xe9:b")]


@pytest.mark.parametrize(
    "header",
    [
        "X-A", "X A:b", ":b", "X-A :b", "X-A:b\r\nX-B:c", "X-A:b\x00", "X-A:\u20ac",
        "Content-Length:1", "Transfer-Encoding:chunked", "Connection:close",
    ],
)  # fmt: skip
def test_headers_that_would_break_a_message_are_refused(header: str) -> None:
    assert refused(header=[header]).startswith(f"header={header!r}: must be NAME:VALUE")


def test_tls_is_on_with_a_certificate() -> None:
    assert Config("main:app", ssl_certfile="cert.pem").tls
    assert not Config("main:app").tls


def test_the_shortest_timeout_is_that_of_a_connection() -> None:
    assert Config("main:app").shortest_timeout == 5
    assert Config("main:app", timeout_keep_alive=0, timeout_graceful_shutdown=1).shortest_timeout == 15
    off: dict[str, Any] = dict.fromkeys(TIMEOUTS, 0)
    assert Config("main:app", **off).shortest_timeout == math.inf


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"uds": "a", "fd": 3}, "uds and fd cannot be combined: for both, use bind unix:PATH and bind fd://N"),
        ({"bind": "a:1", "host": "b"}, "bind and host cannot be combined: name every listener with bind"),
        ({"bind": "a:1", "port": 1}, "bind and port cannot be combined: name every listener with bind"),
        ({"bind": "a:1", "uds": "b"}, "bind and uds cannot be combined: name every listener with bind"),
        ({"bind": "a:1", "fd": 3}, "bind and fd cannot be combined: name every listener with bind"),
        ({"reuse_port": True, "uds": "a"}, "reuse_port applies to host and port only: leave it out with uds or fd"),
        ({"ssl_keyfile": "k"}, "ssl_keyfile needs ssl_certfile: without a certificate there is no TLS"),
        ({"ssl_ciphers": "ALL"}, "ssl_ciphers needs ssl_certfile: without a certificate there is no TLS"),
        (
            {"ssl_certfile": "c", "ssl_cert_reqs": 2},
            "ssl_cert_reqs needs ssl_ca_certs: the authorities that may sign client certificates",
        ),
        (
            {"ssl_certfile": "c", "ssl_crl": "l"},
            "ssl_crl needs ssl_ca_certs: the authorities that may sign client certificates",
        ),
        (
            {"app": application, "factory": True},
            "factory needs the application as 'MODULE:ATTRIBUTE': call the function yourself",
        ),
        (
            {"app": application, "reload": True},
            "reload needs app as 'MODULE:ATTRIBUTE': a new process imports it",
        ),
        (
            {"on_response": application, "reload": True},
            "reload needs on_response as 'MODULE:ATTRIBUTE': a new process imports it",
        ),
        (
            {"health": True, "health_path": "/up", "ready_path": "/up"},
            "health_path and ready_path must differ: both are /up",
        ),
    ],
)
def test_contradictions(values: dict[str, Any], complaint: str) -> None:
    assert refused(**values) == complaint


def test_what_was_passed_on_without_being_set_contradicts_nothing() -> None:
    """A program passes on the arguments of its own command line, set or not."""
    config = Config("main:app", bind=["a:1"], uds=None, fd=None, ssl_keyfile=None, ssl_certfile=None, ssl_cert_reqs=0)
    assert config.bind == ("a:1",)


def test_a_preset_fills_in_what_was_not_given() -> None:
    config = Config("main:app", preset="load-balancer", timeout_keep_alive=5)
    assert config.timeout_keep_alive == 5, "given, although it is the default"
    assert (config.timeout_request_headers, config.timeout_request) == (66, 30)
    assert (config.timeout_graceful_shutdown, config.health) == (25, True)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_values_of_a_preset_are_as_config_keeps_them(preset: str) -> None:
    values: dict[str, Any] = {"app": "main:app", **PRESETS[preset]}
    assert dataclasses.replace(Config("main:app", preset=preset), preset=None) == Config(**values)


def test_making_a_config_has_no_side_effects() -> None:
    """It imports nothing that it names, logs nothing, opens no sockets and reads no environment."""
    program = (
        "import os, sys; os.environ['ESG_PORT'] = '1'; os.environ['FORWARDED_ALLOW_IPS'] = '*'\n"
        "from esg_core.options.config import Config\n"
        "config = Config('nowhere:app', env_file='nowhere', ssl_certfile='nowhere', log_config='nowhere')\n"
        "print(config.port, *config.forwarded_allow_ips, *sorted({'asyncio', 'logging', 'ssl'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.split() == ["8000", "127.0.0.1", "::1"]
