"""The command `esg`: flags, help, messages and exit codes (rules C-1, C-2)."""

import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path

import pytest

from esg_cli.command import command, main
from esg_core.command_words import COMMANDS
from esg_core.options.catalogue import COMMAND_OPTIONS, COMMON, SERVER_OPTIONS
from esg_core.options.config import Config
from esg_core.options.merging import load
from esg_core.options.option import Argument, Group, Option
from esg_core.options.sources import Arguments
from esg_core.options.value_types import Action, Flag, ListOf
from tests.support import unmeasured
from tests.support.core.option_samples import SAMPLES, companions, expected, typed
from tests.support.installed import MISSING

PROGRAM = "from esg_cli.command import main; main()"

ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("ESG_")}

APPLICATION = """\
async def app(scope, receive, send):
    pass

broken = 3

def make():
    raise ValueError("no database")

print("imported")
"""


def run(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command as a separate process."""
    program = [sys.executable, "-c", PROGRAM, *arguments]
    environment = {**ENVIRONMENT, **variables}
    return subprocess.run(program, capture_output=True, text=True, cwd=cwd, env=environment, timeout=30, check=False)


def words(option: Option) -> list[str]:
    """What a user types for the sample of an option."""
    argument = typed(option, SAMPLES[option.name][0])
    if isinstance(argument, bool):
        return [option.flag if argument else f"--no{option.flag[1:]}"]
    texts = [argument] if isinstance(argument, str) else argument
    return [word for text in texts for word in (option.flag, text)]


def parsed(*arguments: str) -> dict[str, Argument]:
    values = command.main(list(arguments), "esg", standalone_mode=False)
    return {name: value for name, value in values.items() if value not in (None, ())}


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error; checks the exit code and that nothing else is printed."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    printed = capsys.readouterr()
    assert (caught.value.code, printed.out) == (2, "")
    assert printed.err.startswith("Error: ")
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    return printed.err.removeprefix("Error: ").rstrip("\n")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(ENVIRONMENT):
        monkeypatch.delenv(name)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site_of_test.py").write_text(APPLICATION)
    return tmp_path


@pytest.mark.parametrize("option", SERVER_OPTIONS.values(), ids=list(SERVER_OPTIONS))
def test_each_flag_makes_the_same_config_as_the_keyword(option: Option) -> None:
    arguments = [
        word for name, value in companions(option.name).items() if name != "app" for word in (f"--{name}", value)
    ]
    if option.name == "app":
        given = parsed(SAMPLES["app"][0])
    else:
        given = parsed("main:app", *(word.replace("_", "-") for word in arguments), *words(option))
    assert load(Arguments(given), {}).config == expected(option.name)


@pytest.mark.parametrize("name", [name for name, option in SERVER_OPTIONS.items() if isinstance(option.kind, Flag)])
def test_each_flag_can_be_switched_on_and_off(name: str) -> None:
    flag = SERVER_OPTIONS[name].flag
    assert parsed(flag) == {name: True}
    assert parsed(f"--no{flag[1:]}") == {name: False}


@pytest.mark.parametrize("name", [name for name, option in SERVER_OPTIONS.items() if isinstance(option.kind, ListOf)])
def test_each_list_is_repeated(name: str) -> None:
    assert parsed(SERVER_OPTIONS[name].flag, "a", SERVER_OPTIONS[name].flag, "b") == {name: ("a", "b")}


def test_what_is_not_typed_is_not_there() -> None:
    assert parsed("main:app") == {"app": "main:app"}


@pytest.mark.parametrize("arguments", [["--help-all"], ["main:app", "--port", "0", "--help-all"]])
def test_help_shows_every_option_under_its_heading_within_80_columns(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    headings = [line.rstrip(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [*(group.value for group in Group), "Commands"]
    for option in (*SERVER_OPTIONS.values(), *COMMAND_OPTIONS.values()):
        both_ways = isinstance(option.kind, Flag) and not isinstance(option.kind, Action)
        shown = f"  --[no-]{option.flag[2:]}" if both_ways else f"  {option.flag}"
        assert option.name == "app" or any(line.split("  ")[1].split(" ")[0] == shown.strip() for line in rows(text))


def test_short_help_shows_the_common_options_and_where_the_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    shown = {line.split()[0].replace("[no-]", "") for line in rows(text)}
    options = {**SERVER_OPTIONS, **COMMAND_OPTIONS}
    assert shown == {options[name].flag for name in COMMON} | {"--help-all"}
    more = len(options) - len(COMMON) - 1  # APP
    assert text.endswith(f"\n{more} more options: esg --help-all\n")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("  --")]


def test_help_tells_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help-all"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Port to listen on; 0 picks a free one. [default: 8000]" in text
    assert "Log each request. [default: on]" in text
    assert "Bind a socket per worker, with SO_REUSEPORT. --backlog" in text


MOST_MODULES = 55
"""How many modules the help may import besides click's: each costs time before the first line appears."""


def test_help_imports_little_and_nothing_that_serving_needs() -> None:
    """C-1."""
    program = (
        "import sys, click\nbefore = set(sys.modules)\nfrom esg_cli.command import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'asyncio', 'ssl', 'logging', 'tomllib', 'importlib.metadata'}\n"
        "print(len(set(sys.modules) - before), *sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=unmeasured.ENVIRONMENT,
    )
    number, *slow = answer.stderr.split()
    assert slow == []
    assert 20 < int(number) <= MOST_MODULES


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert caught.value.code == 0
    first, ours, theirs = capsys.readouterr().out.splitlines()
    assert first == f"Running esg {version('esg')} with {python} on {platform.system()}"
    family = ("esg-core", "esg-cli", "esg-reload", "esg-http", "esg-ws", "esg-admin")
    assert ours == ", ".join(f"{name} {version(name)}" for name in family)
    others = ("httptools", "h11", "aioquic", "websockets", "wsproto", "uvloop")
    assert theirs == ", ".join(f"{name} {'not installed' if name in MISSING else version(name)}" for name in others)


def test_version_of_what_is_not_installed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert "\nhttptools not installed, h11 not installed, " in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_both_ask_for_help(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([flag])
    assert caught.value.code == 0
    assert "-h, --help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--prot", "80"], "--prot: no such option; did you mean --port?"),
        (["main:app", "--access-logs"], "--access-logs: no such option; did you mean --access-log?"),
        (["main:app", "--limit-concurency=3"], "--limit-concurency: no such option; did you mean --limit-concurrency?"),
        (["main:app", "-w", "4"], "-w: no such option; did you mean --workers?"),
        (["main:app", "-w4"], "-w: no such option; did you mean --workers?"),
        (["main:app", "-b", ":80"], "-b: no such option; did you mean --bind?"),
        (["main:app", "-z"], "-z: no such option; see esg --help-all"),
        (
            ["main:app", "--host", "127.0.0.1:8131"],
            "--host 127.0.0.1:8131: includes a port: pass that by --port, or the whole address by --bind",
        ),
        (
            ["main:app", "--host", "[::1]:80"],
            "--host [::1]:80: includes a port: pass that by --port, or the whole address by --bind",
        ),
        (["main:app", "--host", "[::1]"], "--host [::1]: must be a name, or an address without brackets"),
        (["main:app", "--workers", "0"], "--workers 0: must be a whole number, 1 or more"),
        (["main:app", "--sockets", "2"], "--sockets: no such option; see esg --help-all"),
        (["main:app", "--port"], "Option '--port' requires an argument; see esg --help"),
        (["main:app", "--factory=3"], "Option '--factory' does not take a value; see esg --help"),
        (["main:app", "more"], "Got unexpected extra argument (more); see esg --help"),
        ([], "APP is missing: name the application as MODULE:ATTRIBUTE, such as main:app"),
        (["main.py"], "APP main.py: must be MODULE:ATTRIBUTE, such as main:app"),
        (["main:app", "--port", "80a"], "--port 80a: must be a whole number from 0 to 65535"),
        (["main:app", "--ssl-cert-reqs", "3"], "--ssl-cert-reqs 3: must be a whole number from 0 to 2"),
        (["main:app", "--config", "/nowhere.toml"], "--config /nowhere.toml: no such file or directory"),
        (["--check"], "APP is missing: name the application as MODULE:ATTRIBUTE, such as main:app"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_with_a_hint_and_exit_code_2(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capsys, *arguments) == text


def test_a_mistake_in_a_variable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_BAKLOG", "16")
    assert complaint(capsys, "main:app") == "ESG_BAKLOG: no such option; did you mean ESG_BACKLOG?"


def test_variables_that_mean_nothing_to_esg_are_named(site: Path) -> None:
    answer = run("--check", "site_of_test:app", cwd=site, ESG_DATABASE="x", ESG_API_KEY="y")
    assert answer.returncode == 0
    assert answer.stderr.splitlines()[0] == "Warning: not an option of esg: ESG_API_KEY, ESG_DATABASE"


def test_u8_variables_of_uvicorn_are_named_with_those_that_count(site: Path) -> None:
    variables = {"UVICORN_PORT": "1", "UVICORN_HEADERS": "x", "UVICORN_HOST": "::1", "ESG_HOST": "127.0.0.1"}
    answer = run("--check", "site_of_test:app", cwd=site, **variables)
    assert answer.returncode == 0
    assert [line for line in answer.stderr.splitlines() if line.startswith("Warning")] == [
        "Warning: UVICORN_PORT has no effect: esg reads ESG_PORT",
        "Warning: UVICORN_HEADERS has no effect: esg reads ESG_HEADER",
    ]
    assert "\nport = 8000  # default\n" in answer.stdout


def test_a_name_that_is_not_there_is_a_mistake_too(site: Path) -> None:
    """U-4, C-2: the error lists the known names."""
    answer = run("site_of_test:app", "--http", "h12", "--port", "0", cwd=site)
    (line,) = [line for line in (answer.stdout + answer.stderr).splitlines() if "h12'" in line]
    assert answer.returncode == 2
    assert "h11" in line


def test_what_serves_is_chosen_by_the_caller() -> None:
    """The command knows options, but not what implements them."""
    served = []

    def serve(config: Config, again: Callable[[], Config]) -> int:
        assert again() == config
        served.append(config)
        return 7

    with pytest.raises(SystemExit) as caught:
        main(["main:app", "--reload"], serve)
    assert (caught.value.code, served) == (7, [Config("main:app", reload=True)])


@pytest.mark.everywhere
def test_check_imports_the_application_and_prints_what_holds(site: Path) -> None:
    answer = run("--check", "site_of_test:app", "--port", "9000", cwd=site, ESG_BACKLOG="16")
    assert (answer.returncode, answer.stderr) == (0, "imported\n")
    assert tomllib.loads(answer.stdout)["port"] == 9000
    assert 'app = "site_of_test:app"  # APP\n' in answer.stdout
    assert "port = 9000  # --port\n" in answer.stdout
    assert "backlog = 16  # ESG_BACKLOG\n" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere:app"], "nowhere"),
        (["site_of_test:none"], "none"),
        (["site_of_test:broken"], "broken"),
        (["site_of_test:make", "--factory"], "no database"),
        (["site_of_test:app", "--on-response", "site_of_test:hook"], "hook"),
    ],
)
def test_check_tells_what_would_keep_the_server_from_starting(arguments: list[str], text: str, site: Path) -> None:
    """L-1, C-3: exit code 3 and the reason, whatever is logged."""
    answer = run("--check", *arguments, "--log-level", "critical", cwd=site)
    assert answer.returncode == 3
    assert answer.stderr.splitlines()[-1].startswith("Error: ")
    assert text in answer.stderr
    assert answer.stdout == ""


@pytest.mark.needs("httptools")
def test_check_tells_what_auto_has_become(site: Path) -> None:
    """C-1."""
    answer = run("--check", "site_of_test:app", "--loop", "asyncio", cwd=site)
    lines = [line for line in answer.stdout.splitlines() if "; here " in line]
    assert lines == [
        'interface = "auto"  # default; here asgi3',
        'http = "auto"  # default; here httptools',
        'ws = "auto"  # default; here websockets',
    ]
    assert tomllib.loads(answer.stdout)["http"] == "auto"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("esg --log-l", ["plain,--log-level"]),
        ("esg --log-level d", ["plain,debug"]),
        ("esg --preset ", ["plain,load-balancer"]),
        ("esg --ssl-certfile ", ["file,"]),
        ("esg --no-acc", ["plain,--no-access-log"]),
        ("esg --port ", []),
        ("esg t", ["plain,top"]),
        ("esg top unix:/x --in", ["plain,--interval"]),
        ("esg top --token-file ", ["file,"]),
        ("esg ctl unix:/x re", ["plain,requests", "plain,restart", "plain,remove", "plain,reopen"]),
    ],
)
def test_shells_can_complete(line: str, offered: list[str]) -> None:
    count = line.count(" ")
    answer = run(_ESG_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(count))
    assert answer.returncode == 0
    assert answer.stdout.split() == offered


def test_m11_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    section = capsys.readouterr().out.partition("\nCommands:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in section.splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("word", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_m11_help_of_a_command(word: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([word, flag])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert text.startswith(f"Usage: esg {word} [OPTIONS] ADDRESS")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("word", COMMANDS)
def test_m11_an_application_can_have_the_name_of_a_command(word: str) -> None:
    for arguments in ([f"{word}:app"], ["--port", "0", f"{word}:app"]):
        assert parsed(*arguments)["app"] == f"{word}:app"


def test_m11_a_command_must_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys, "--port", "0", "top") == "APP top: must be MODULE:ATTRIBUTE, such as main:app"


def test_m11_a_command_whose_package_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert complaint(capsys, "ctl", "unix:/x", "stats").startswith(
        "the command ctl is not installed: pip install ./packages/esg-admin in a clone of ESG, "
    )


def test_m11_a_command_of_another_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    """Its word, arguments and exit code; what is no `Command` is an error."""
    (site / "greeting_of_test.py").write_text(
        "from esg_core.commands import Command, Parameter\n"
        "from esg_core.options.value_types import Number\n"
        "def run(values):\n    print(values)\n    return values['times']\n"
        "def interrupted(values):\n    raise KeyboardInterrupt\n"
        "greet = Command('Greet.', (Parameter('times', Number(1), default=4),), run)\n"
        "wait = Command('Wait.', (), interrupted)\n"
    )
    monkeypatch.syspath_prepend(site)
    registered = [
        EntryPoint("greet", "greeting_of_test:greet", "esg.commands"),
        EntryPoint("wait", "greeting_of_test:wait", "esg.commands"),
        EntryPoint("odd", "greeting_of_test:run", "esg.commands"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: registered)
    for arguments, code in ((["greet"], 4), (["greet", "--times", "7"], 7)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert (caught.value.code, capsys.readouterr().out) == (code, f"{{'times': {code}}}\n")
    assert complaint(capsys, "greet", "--times", "0") == "--times 0: must be a whole number, 1 or more"
    with pytest.raises(SystemExit) as caught:
        main(["wait"])
    assert (caught.value.code, capsys.readouterr().err) == (130, "\n")
    with pytest.raises(SystemExit) as caught:
        main(["odd"])
    assert caught.value.code == 3
    assert "the command odd is function, which is no Command" in capsys.readouterr().err


def test_m11_serving_reads_no_metadata_for_commands() -> None:
    """Nothing of commands but their table is imported, nor is any metadata read, unless the first word asks for it."""
    program = (
        "import sys\nfrom esg_cli.command import main\n"
        "try:\n    main(['main:app'], run=lambda *_: 0)\nexcept SystemExit:\n    pass\n"
        "print(*sorted({'esg_admin', 'esg_core.plugins', 'importlib.metadata', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**ENVIRONMENT, **unmeasured.VARIABLES},
    )
    assert done.stdout.split() == []
