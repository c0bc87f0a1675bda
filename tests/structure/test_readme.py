"""The README: two set-up commands, no dead links, and no option that does not exist."""

import re
from pathlib import Path

import pytest

from esg_admin.terminal.commands import ctl, top
from esg_core.options.catalogue import CommandOptions, ServerOptions
from esg_core.options.option import options_of
from esg_reload.__main__ import parser
from tests.support.source_tree import DISTRIBUTIONS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packages").glob("*/README.md")])
OF_OTHERS = {
    "--all",
    "--fail-under",
    "--share",
    "--servers",
    "--cover",
    "--find-links",
    "--group",
    "--upgrade",
    "--help",
    "--help-all",
    "--strict",
    "--http3-only",
    "--origin-to-force-quic-on",
    "--unix-socket",
    "--cacert",
    "--http2-prior-knowledge",
    "--now",
    "--json",
    "--token-file",
    "--build",
    "--file",
    "--output",
    "--stop-timeout",
}
"""Flags of pip, hatch, mypy, curl, docker, systemctl, tests, benchmarks and `esg ctl`, and those that show help."""


def set_up_commands() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_there_are_exactly_two_set_up_commands() -> None:
    commands = set_up_commands()
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    assert commands[0].rstrip().endswith("esg examples.hello:app")
    assert commands[1].rstrip().endswith("-m pytest -n auto")


def test_no_package_is_installed_by_a_name_that_belongs_to_others() -> None:
    """The names on the public index are not ours: pages and messages say paths, or names of third parties."""
    sources = [*PAGES, *(ROOT / "packages").rglob("*.py")]
    installed = re.findall(r"pip install ([^`\n]*)", "\n".join(page.read_text(encoding="utf-8") for page in sources))
    names = {re.split(r"[^\w-]", word.lstrip("\"'"))[0] for words in installed for word in words.split()}
    assert names & set(DISTRIBUTIONS) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_that_are_mentioned_exist(page: Path) -> None:
    declared = (*options_of(ServerOptions).values(), *options_of(CommandOptions).values())
    known = {option.flag for option in declared} | set(parser().format_help().split()) | OF_OTHERS
    known |= {flag.replace("--", "--no-", 1) for flag in known}
    known |= {parameter.written for command in (top, ctl) for parameter in command.parameters}
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", page.read_text(encoding="utf-8")))
    assert mentioned - known == set()
