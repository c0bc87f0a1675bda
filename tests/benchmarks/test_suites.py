"""What public test suites report is read, kept and not mistaken for success."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.suites.__main__ import main
from benchmarks.suites.programs import read_autobahn, read_h1spec, read_h2spec
from benchmarks.suites.result import PASSED, SuiteError, Verdict, as_json, totals

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


def test_a_case_of_autobahn_passes_if_its_message_and_its_end_are_right() -> None:
    found = {
        "1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
        "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        "7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"},
        "10.1.1": {"behavior": "FAILED", "behaviorClose": "UNCLEAN"},
    }
    assert list(read_autobahn(json.dumps({"esg": found}))) == [
        Verdict("1, framing", "1.1.1"),
        Verdict("6, UTF-8", "6.4.1", "NON-STRICT"),
        Verdict("7, closing", "7.1.6", "INFORMATIONAL"),
        Verdict("10, many fragments", "10.1.1", "FAILED, UNCLEAN"),
    ]


def test_cases_of_h2spec_are_told_by_document() -> None:
    cases = (
        ("generic/1", "a", ""),
        ("http2/3.5", "b", "<failure/>"),
        ("hpack/2.3.3", "c", "<skipped/>"),
        ("http2/4.1", "d", "<error/>"),
    )
    tags = (f'<testcase package="{where}" classname="{says}">{inside}</testcase>' for where, says, inside in cases)
    assert list(read_h2spec(f"<testsuites><testsuite>{''.join(tags)}</testsuite></testsuites>")) == [
        Verdict("generic", "1: a"),
        Verdict("RFC 9113", "3.5: b", "failure"),
        Verdict("RFC 7541", "2.3.3: c", "skipped"),
        Verdict("RFC 9113", "4.1: d", "error"),
    ]


H1SPEC = """✅ Fragmented method: Server waited successfully
❌ Multiple Host headers: Response Status Code 200, Expected ranges: [[400,499]]

1 out of 2 tests passed.
"""


def test_lines_of_h1spec_are_read() -> None:
    wrong = Verdict("requests", "Multiple Host headers", "failed")
    assert list(read_h1spec(H1SPEC)) == [Verdict("fragments", "Fragmented method"), wrong]


@pytest.mark.parametrize("output", ["", H1SPEC.replace("of 2", "of 3")])
def test_h1spec_must_have_a_verdict_for_each_case(output: str) -> None:
    with pytest.raises(SuiteError, match="verdicts"):
        list(read_h1spec(output))


def test_a_result_counts_by_section_and_names_what_has_not_passed() -> None:
    run = as_json([Verdict("1", "a"), Verdict("1", "b", "failed"), Verdict("2", "c", PASSED)])
    assert run == {"sections": {"1": [1, 2], "2": [1, 1]}, "others": [["1", "b", "failed"]]}
    assert totals(run) == (2, 3)
    with pytest.raises(SuiteError, match="no case"):
        as_json([])


def test_a_suite_is_run_against_each_variant_and_kept(tmp_path: Path) -> None:
    """One that asks for the page, in place of h1spec; the entries of other suites stay."""
    program, results = tmp_path / "suite.py", tmp_path / "suites.json"
    program.write_text(
        "import sys, urllib.request\n"
        "answer = urllib.request.urlopen(f'http://{sys.argv[1]}:{sys.argv[2]}/', b'ping', timeout=30).read()\n"
        "print('✅ Echo: fine' if answer == b'ping' else '❌ Echo: wrong')\n"
        "print('1 out of 1 tests passed.')\n",
        encoding="utf-8",
    )
    results.write_text('{"h2spec": 1}', encoding="utf-8")
    options = ["--version", "1.0", "--results", str(results)]
    assert main(["h1spec", "--command", f"{sys.executable} -X utf8 {program}", *options]) == 0
    kept = json.loads(results.read_text(encoding="utf-8"))
    assert kept["h2spec"] == 1
    assert kept["h1spec"]["version"] == "1.0"
    assert {name: totals(run) for name, run in kept["h1spec"]["runs"].items()} == {"httptools": (1, 1), "h11": (1, 1)}


def test_a_suite_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "suites.json"
    assert main(["h2spec", "--command", str(tmp_path / "none"), "--results", str(results)]) == 1
    assert "No such file" in capsys.readouterr().err
    assert not results.exists()
