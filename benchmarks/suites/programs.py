"""The public suites: how each is run against a port, and how its report is read."""

import json
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suites.result import PASSED, SuiteError, Verdict

LONGEST = 3600.0
"""Seconds after which a suite is ended."""

Words = Sequence[str]
Run = Callable[[Words, int, bool], Iterator[Verdict]]
"""The verdicts of a suite that begins with these words, for a port, with or without TLS."""

_AUTOBAHN = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "large messages",
    "10": "many fragments",
    "12": "compression",
    "13": "compression with parameters",
}


def autobahn(words: Words, port: int, tls: bool) -> Iterator[Verdict]:
    """`wstest` as a client; what it calls NON-STRICT or INFORMATIONAL is not counted as passed."""
    assert not tls
    with tempfile.TemporaryDirectory() as directory:
        specification = Path(directory) / "client.json"
        server = {"agent": "esg", "url": f"ws://127.0.0.1:{port}"}
        cases = {"cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {}}
        specification.write_text(json.dumps({"outdir": directory, "servers": [server], **cases}), encoding="utf-8")
        report = Path(directory) / "index.json"
        yield from read_autobahn(_report([*words, "-m", "fuzzingclient", "-s", str(specification)], report))


def read_autobahn(report: str) -> Iterator[Verdict]:
    """The verdicts in the index of its reports."""
    for case, found in json.loads(report)["esg"].items():
        section = case.partition(".")[0]
        said = {found["behavior"], found["behaviorClose"]} - {"OK"}
        yield Verdict(f"{section}, {_AUTOBAHN.get(section, '')}", case, ", ".join(sorted(said)) or PASSED)


def h2spec(words: Words, port: int, tls: bool) -> Iterator[Verdict]:
    """All cases of h2spec, strict ones too."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        secure = ["--tls", "--insecure"] if tls else []
        aims = ["--strict", *secure, "--host", "127.0.0.1", "--port", str(port), "--junit-report", str(report)]
        yield from read_h2spec(_report([*words, *aims], report))


_H2SPEC = {"generic": "generic", "http2": "RFC 9113", "hpack": "RFC 7541"}


def read_h2spec(report: str) -> Iterator[Verdict]:
    """The verdicts in its JUnit report."""
    for case in ET.fromstring(report).iter("testcase"):
        kind, _, section = case.attrib["package"].partition("/")
        wrong = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), PASSED)
        yield Verdict(_H2SPEC[kind], f"{section}: {case.attrib['classname']}", wrong)


def h1spec(words: Words, port: int, tls: bool) -> Iterator[Verdict]:
    """h1spec's script."""
    assert not tls
    yield from read_h1spec(_output([*words, "127.0.0.1", str(port)]))


def read_h1spec(output: str) -> Iterator[Verdict]:
    """The verdicts among its lines; those of cases that broke off are missing, but their number is known."""
    verdicts = re.findall(r"^(✅|❌) ([^:]+): ", output, re.MULTILINE)
    number = re.search(r"^\d+ out of (\d+) tests passed", output, re.MULTILINE)
    if number is None or len(verdicts) != int(number[1]):
        raise SuiteError(f"it has {len(verdicts)} verdicts: {output[-200:]}")
    for mark, case in verdicts:
        section = "fragments" if case.startswith("Fragmented") else "requests"
        yield Verdict(section, case, PASSED if mark == "✅" else "failed")


def _output(command: Words) -> str:
    """All that it prints; the exit code does not count, as suites fail with one case."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SuiteError(str(error)) from error
    return done.stdout


def _report(command: Words, path: Path) -> str:
    """The file that it writes."""
    output = _output(command)
    if not path.exists():
        raise SuiteError(f"it has written no report: {output[-200:]}")
    return path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Suite:
    """A public suite: its command by default, and the variants of ESG it runs against, with their options."""

    title: str
    home: str
    command: str
    run: Run
    variants: Mapping[str, Words]
    with_tls: bool = False
    """Whether it runs over TLS as well."""


SUITES = {
    "autobahn": Suite(
        "Autobahn Testsuite",
        "https://github.com/crossbario/autobahn-testsuite",
        "wstest",
        autobahn,
        {"websockets": ("--ws", "websockets"), "wsproto": ("--ws", "wsproto")},
    ),
    "h2spec": Suite("h2spec", "https://github.com/summerwind/h2spec", "h2spec", h2spec, {"cleartext": ()}, True),
    "h1spec": Suite(
        "h1spec",
        "https://github.com/uNetworking/h1spec",
        "deno run --allow-net http_test.ts",
        h1spec,
        {"httptools": ("--http", "httptools"), "h11": ("--http", "h11", "--loop", "asyncio")},
    ),
}
