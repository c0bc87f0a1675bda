"""What the installed uvicorn takes, and what ESG makes of it (rule U-8)."""

import asyncio
import importlib
import inspect
import logging
import ssl
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from esg_cli.command import command
from esg_core.errors import UsageError
from esg_core.options.catalogue import SERVER_OPTIONS
from esg_core.options.config import Config
from esg_core.options.merging import load
from esg_core.options.sources import Arguments, Keywords
from esg_core.options.uvicorn_names import NO_VALUE, SAME_VALUE, UVICORN
from esg_core.plugins import find, resolve
from tools.uvicorn_page import PAGE, page

THEIR_COMMAND: click.Command = importlib.import_module("uvicorn.main").main

DEFAULTS = {
    name: parameter.default
    for taken in (uvicorn.run, uvicorn.Config)
    for name, parameter in inspect.signature(taken).parameters.items()
    if name != "app"
}
"""The keywords of the installed uvicorn, and their defaults."""

TAKEN = [name for name in DEFAULTS if name in UVICORN and UVICORN[name].ours]

FLAGS = {
    flag: parameter
    for parameter in THEIR_COMMAND.params
    for flag in (*parameter.opts, *parameter.secondary_opts)
    if flag.startswith("--") and flag not in ("--help", "--version")
}


def config(**keywords: Any) -> Config:
    return Config("main:app", **keywords)


def complaint(**keywords: Any) -> str:
    """The one-line error for the keywords, the same from `Config` and from `run()`."""
    with pytest.raises(UsageError) as caught:
        config(**keywords)
    with pytest.raises(UsageError) as again:
        load(Keywords({"app": "main:app", **keywords}), {})
    assert str(caught.value) == str(again.value)
    return str(caught.value)


def program(variables: Mapping[str, str] | None = None, **keywords: Any) -> Config:
    return load(Keywords({"app": "main:app", **keywords}), variables or {}).config


def test_every_keyword_of_the_installed_uvicorn_is_in_the_list() -> None:
    parameters = {parameter.name for parameter in THEIR_COMMAND.params} - {"version"}
    assert ({*DEFAULTS, "app"} | parameters) - UVICORN.keys() == set()


def test_a_keyword_stands_for_an_option_or_is_refused() -> None:
    wrong = [known.name for known in UVICORN.values() if (known.ours in SERVER_OPTIONS) == bool(known.instead)]
    assert wrong == []


@pytest.mark.parametrize("name", TAKEN)
def test_the_default_of_uvicorn_is_taken(name: str) -> None:
    given: dict[str, Any] = {name: {"version": 1} if name == "log_config" else DEFAULTS[name]}
    assert program(**given) == config(**given)


@pytest.mark.parametrize("name", [name for name in TAKEN if UVICORN[name].differs is None])
def test_a_default_that_is_called_the_same_is_the_same(name: str) -> None:
    assert config(**{name: DEFAULTS[name]}) == Config("main:app")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_of_uvicorn_is_one_of_esg(flag: str) -> None:
    parameter = FLAGS[flag]
    assert isinstance(parameter, click.Option)
    words = [flag] if parameter.is_flag else [flag, "1"]
    assert [name for name, value in command.main(words, standalone_mode=False).items() if value not in (None, ())] == [
        UVICORN[str(parameter.name)].ours
    ]


@pytest.mark.parametrize("name", [known.name for known in UVICORN.values() if known.instead])
def test_what_esg_has_nothing_for_is_refused_with_what_to_do_instead(name: str) -> None:
    assert complaint(**{name: None}) == f"{name}: only uvicorn has this option; {UVICORN[name].instead}"


@pytest.mark.parametrize("name", [known.name for known in UVICORN.values() if known.may_be_none])
def test_none_is_not_given(name: str) -> None:
    assert program({"FORWARDED_ALLOW_IPS": "10.0.0.1"}, **{name: None}).forwarded_allow_ips == ("10.0.0.1",)
    assert config(**{name: None}) == Config("main:app")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"log_level": logging.INFO}, {"log_level": "info"}),
        ({"log_level": 5}, {"log_level": "trace"}),
        ({"log_level": "DEBUG"}, {"log_level": "debug"}),
        ({"headers": [("X-A", "b: c"), ["X-D", ""]]}, {"header": ["X-A:b: c", "X-D:"]}),
        ({"headers": []}, {"header": []}),
        ({"reload_dirs": ["src", "lib"]}, {"reload_dir": ["src", "lib"]}),
        ({"reload_dirs": "a,b"}, {"reload_dir": ["a,b"]}),
        ({"reload_dirs": [Path("src")]}, {"reload_dir": ["src"]}),
        ({"reload_includes": ["*.html"]}, {"reload_include": ["*.html"]}),
        ({"reload_excludes": "test_*"}, {"reload_exclude": ["test_*"]}),
        ({"forwarded_allow_ips": "10.0.0.1,::1"}, {"forwarded_allow_ips": ["10.0.0.1", "::1"]}),
        ({"forwarded_allow_ips": ["*"]}, {"forwarded_allow_ips": "*"}),
        ({"app_dir": Path("src")}, {"app_dir": "src"}),
        ({"ws_ping_interval": None}, {"ws_ping_interval": 0}),
        ({"timeout_graceful_shutdown": None}, {"timeout_graceful_shutdown": 0}),
        (
            {"ssl_certfile": "c", "ssl_version": ssl.PROTOCOL_TLS_SERVER, "ssl_cert_reqs": ssl.CERT_NONE},
            {"ssl_certfile": "c"},
        ),
    ],
)
def test_values_of_uvicorns_keywords_have_the_meaning_that_they_have_there(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    assert config(**theirs) == config(**ours) == program(**theirs)


def test_a_level_without_a_name_is_kept_as_its_number() -> None:
    assert config(log_level=25).log_level == 25
    assert load(Arguments({"app": "main:app", "log_level": "25"}), {}).config.log_level == 25


def test_a_synonym_beside_its_option_is_a_contradiction() -> None:
    assert complaint(reload_dir=["a"], reload_dirs=["b"]) == (
        "reload_dir and reload_dirs are the same option: give only one"
    )
    assert complaint(headers=[], header=[]) == "headers and header are the same option: give only one"


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"reload_dirs": [""]}, "reload_dirs='': must be directories"),
        ({"headers": [("X:A", "b")]}, "headers=('X:A', 'b'): must be NAME:VALUE, except connection, "),
        ({"headers": {"X-A": "b"}}, "headers={'X-A': 'b'}: must be NAME:VALUE, except connection, "),
        ({"log_level": True}, "log_level=True: must be one of critical, error, warning, info, debug, trace, or a num"),
        ({"log_level": 0}, "log_level=0: must be one of critical, error, warning, info, debug, trace, or a number, 1"),
        ({"http": H11Protocol}, "http=H11Protocol: a protocol class works with uvicorn only; use a name, such as"),
        ({"ws": WSProtocol}, "ws=WSProtocol: a protocol class works with uvicorn only; use a name, such as"),
        ({"relod_dirs": ["a"]}, "relod_dirs: no such option; did you mean reload_dir?"),
    ],
)
def test_what_cannot_be_taken_is_one_line_in_the_words_of_the_user(keywords: dict[str, Any], text: str) -> None:
    assert complaint(**keywords).startswith(text)


@pytest.mark.needs("uvloop", "httptools")
@pytest.mark.parametrize("option", ["loop", "http", "ws"])
def test_each_name_of_an_implementation_is_taken_or_refused_with_what_to_do(option: str) -> None:
    annotation = {"loop": "LoopFactoryType", "http": "HTTPProtocolType", "ws": "WSProtocolType"}[option]
    for name in getattr(importlib.import_module("uvicorn.config"), annotation).__args__:
        if (option, name) in NO_VALUE:
            with pytest.raises(UsageError, match=f"^{option}: '{name}' is for uvicorn only; "):
                find(f"esg.{option}", name)
        elif name == "zuvloop":  # is not installed here
            assert resolve("esg.loop", name) == SAME_VALUE[option, name] == "zuvloop:new_event_loop"
        else:
            assert callable(find(f"esg.{option}", name))


@pytest.mark.parametrize("option", ["http", "ws"])
def test_an_import_string_of_a_class_of_uvicorns_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="a protocol class works with uvicorn only; use a name, such as"):
        find(f"esg.{option}", "uvicorn.protocols.http.h11_impl:H11Protocol")


def test_a_loop_may_be_what_makes_it() -> None:
    assert config(loop=asyncio.SelectorEventLoop).loop is asyncio.SelectorEventLoop
    assert complaint(loop=asyncio.SelectorEventLoop, workers=2) == (
        "workers needs loop as 'MODULE:ATTRIBUTE': each worker imports it"
    )


def test_a_log_configuration_may_be_a_parser_and_none() -> None:
    parser = RawConfigParser()
    assert config(log_config=parser).log_config is parser
    assert config(log_config=None).log_config is None
    assert Config("main:app").log_config == "default"


def test_the_variables_of_uvicorn_are_told_with_those_that_count() -> None:
    variables = {
        "UVICORN_PORT": "1",
        "UVICORN_RELOAD_DIRS": "src",
        "UVICORN_HOST": "::",
        "ESG_HOST": "::1",
        "UVICORN_ROOT_PATH": "",
        "UVICORN_APP_PORT": "tcp://10.0.0.1:80",
    }
    settings = load(Keywords({"app": "main:app"}), variables)
    assert settings.of_uvicorn == {"UVICORN_PORT": "ESG_PORT", "UVICORN_RELOAD_DIRS": "ESG_RELOAD_DIR"}
    assert settings.config.port == 8000


@pytest.mark.parametrize("name", [known.name for known in UVICORN.values() if known.name != known.ours and known.ours])
def test_a_variable_that_is_renamed_like_the_others_gets_its_name(name: str) -> None:
    ours = UVICORN[name].ours
    with pytest.raises(UsageError, match=f"^ESG_{name.upper()}: no such option; did you mean ESG_{ours.upper()}[?]$"):
        program({f"ESG_{name.upper()}": "x"})


def test_the_page_says_what_the_list_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "regenerate it: python -m tools.uvicorn_page"
