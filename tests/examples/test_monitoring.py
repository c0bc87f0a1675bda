"""The files of `examples/monitoring`, in Prometheus' own tools and against the figures that there are."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from esg_core.figures.labels import CLASSES, CODES, END_REASONS, HANDSHAKE_RESULTS, REFUSAL_REASONS, WORKER_STATES
from tests.support.admin.families import sample_names
from tests.support.e2e.programs import find, needs
from tests.support.source_tree import ROOT

MONITORING = ROOT / "examples" / "monitoring"
RULES = ("recording_rules.yml", "alert_rules.yml")

OF_TARGETS = {"job", "instance", "namespace", "pod", "le"}
"""Labels that Prometheus adds, and the bound of a bucket."""
VALUES = {
    "reason": {*REFUSAL_REASONS, *END_REASONS},
    "state": {*WORKER_STATES},
    "result": {*HANDSHAKE_RESULTS},
    "code": {*CODES, *CLASSES, "5.."},
}
"""What some labels may be; `5..` is a pattern."""
VALUE = re.compile(r'\b(reason|state|result|code)(?:=~|!~|!=|=)\\?"([^"\\]*)')

FIGURE = re.compile(r"(?<![\w:])((?:esg|process|python)_[a-z0-9_]+)(?![\w:])(?:\{([^}]*)\})?")
RECORD = re.compile(r"\b[a-z]+:\w+:\w+")
GROUPING = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
MATCHER = re.compile(r"(\w+) *(?:=~|!~|!=|=)")


def promtool(*arguments: str | Path) -> None:
    """Run it where the files are; it must have no complaint."""
    command = [find("promtool") or "promtool", *map(str, arguments)]
    done = subprocess.run(command, cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((MONITORING / name).read_text(encoding="utf-8")))


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in documents(name)[0]["groups"] for rule in group["rules"]]


@cache
def dashboard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    return content


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def of_dashboard() -> Iterator[tuple[str, str]]:
    """Its queries, each with the text that shows labels of the result."""
    for panel in panels():
        yield from ((target["expr"], target["legendFormat"]) for target in panel["targets"])
    for note in dashboard()["annotations"]["list"]:
        if "expr" in note:
            yield note["expr"], note["titleFormat"] + note["textFormat"]


def of_keda() -> list[str]:
    return [trigger["metadata"]["query"] for trigger in documents("keda-scaledobject.yaml")[0]["spec"]["triggers"]]


def of_adapter() -> dict[str, str]:
    """The query of each metric that the autoscaler of Kubernetes asks for, for the pod `shop-1`."""
    adapter = yaml.safe_load(documents("hpa.yaml")[1]["data"]["config.yaml"])
    queries = {}
    for rule in adapter["rules"]:
        query = rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"].partition("{")[0])
        query = query.replace("<<.LabelMatchers>>", 'namespace="default",pod=~"shop-1"')
        queries[rule["name"]["as"]] = query.replace("<<.GroupBy>>", "pod")
    return queries


def queries() -> list[tuple[str, str]]:
    """All queries, each with the text that shows labels of the result."""
    ruled = [(rule["expr"], rule.get("annotations", {}).get("summary", "")) for name in RULES for rule in rules(name)]
    return [*ruled, *of_dashboard(), *((query, "") for query in (*of_keda(), *of_adapter().values()))]


def unknown_figures(text: str) -> set[str]:
    return {name for name, _ in FIGURE.findall(text)} - sample_names().keys()


def unknown_labels(query: str, shown: str = "") -> set[str]:
    """Labels that a query selects or groups by, or that its result shows, without its figures having them."""
    wrong = set()
    known = OF_TARGETS | ({"worker"} if RECORD.search(query) else set())
    for name, selector in FIGURE.findall(query):
        labels = OF_TARGETS | set(sample_names().get(name, ()))
        wrong |= set(MATCHER.findall(re.sub(r'"[^"]*"', "", selector))) - labels
        known |= labels
    used = {word.strip() for words in GROUPING.findall(query) for word in words.split(",")}
    used |= set(re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", shown))
    return wrong | (used - known - {"", "value"})


@needs("promtool")
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", *RULES)


@needs("promtool")
def test_each_alert_fires_and_is_silent_where_all_is_well() -> None:
    promtool("test", "rules", "rules_test.yml")
    cases = [case for test in documents("rules_test.yml")[0]["tests"] for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for rule in rules("alert_rules.yml")}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    healthy = documents("rules_test.yml")[0]["tests"][0]["alert_rule_test"]
    assert {case["alertname"] for case in healthy if not case.get("exp_alerts")} == alerts


def test_records_that_are_asked_for_exist() -> None:
    recorded = {rule["record"] for rule in rules("recording_rules.yml")}
    assert {record for query, _ in queries() for record in RECORD.findall(query)} <= recorded


@pytest.mark.parametrize("path", sorted(MONITORING.iterdir()), ids=lambda path: path.name)
def test_figures_that_are_named_exist(path: Path) -> None:
    assert unknown_figures(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("path", sorted(MONITORING.iterdir()), ids=lambda path: path.name)
def test_values_of_labels_exist(path: Path) -> None:
    found = VALUE.findall(path.read_text(encoding="utf-8"))
    assert [(label, values) for label, values in found if not VALUES[label].issuperset(values.split("|"))] == []


def test_the_reference_explains_each_figure_and_no_other() -> None:
    """It names histograms as a whole, without `_bucket`, `_sum` and `_count`, and so does the guide."""
    guide, reference = (
        {name for name, _ in FIGURE.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))}
        for page in ("monitoring.md", "reference/metrics.md")
    )
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in sample_names()}
    assert (reference - shown, shown - reference, guide - shown) == (set(), set(), set())


@pytest.mark.parametrize(("query", "shown"), queries())
def test_a_query_asks_for_figures_and_labels_that_exist(query: str, shown: str) -> None:
    assert unknown_figures(query) == set()
    assert unknown_labels(query, shown) == set()


def test_unknown_figures_and_labels_are_found() -> None:
    assert unknown_figures('rate(esg_http_request_total{code="200"}[5m])') == {"esg_http_request_total"}
    assert unknown_labels('sum by (path) (esg_http_requests_total{status="200"})', "{{host}}") == {
        "path",
        "status",
        "host",
    }


@needs("promtool")
def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    asked = {query.replace("$__rate_interval", "5m") for query, _ in of_dashboard()}
    records = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(sorted(asked))]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}), encoding="utf-8")
    promtool("check", "rules", path)


def test_panels_of_the_dashboard_are_explained_and_do_not_overlap() -> None:
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
    assert [panel["title"] for panel in panels() if not panel["description"]] == []
    assert [panel["title"] for panel in panels() if panel["datasource"]["uid"] != "${datasource}"] == []


@needs("promtool")
def test_a_query_for_autoscaling_gives_one_number(tmp_path: Path) -> None:
    """Two pods: one loop is busy for half of the time, the other for all of it; 30 of 100 requests and 50 of 100."""
    pods = [("shop-1", "0+30x10", "30x10"), ("shop-2", "0+60x10", "50x10")]
    series = []
    for pod, busy, running in pods:
        labels = f'namespace="default",pod="{pod}",instance="{pod}"'
        series += [
            {"series": f'esg_event_loop_busy_seconds_total{{{labels},worker="0"}}', "values": busy},
            {"series": f"esg_http_requests_in_progress{{{labels}}}", "values": running},
            {"series": f"esg_http_requests_limit{{{labels}}}", "values": "100x10"},
        ]
    expected = [*zip(of_keda(), ("{}", "{}"), (0.75, 0.4), strict=True)]
    by_pod = of_adapter()
    expected += [(by_pod["event_loop_busy"], '{pod="shop-1"}', 0.5)]
    expected += [(by_pod["requests_running_ratio"], '{pod="shop-1"}', 0.3)]
    cases = [
        {"expr": query, "eval_time": "8m", "exp_samples": [{"labels": labels, "value": value}]}
        for query, labels, value in expected
    ]
    path = tmp_path / "autoscaling_test.yml"
    test = {"interval": "1m", "input_series": series, "promql_expr_test": cases}
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}), encoding="utf-8")
    promtool("test", "rules", path)


def test_manifests_are_for_the_deployment_of_the_examples() -> None:
    text = (ROOT / "examples/deploy/kubernetes.yaml").read_text(encoding="utf-8")
    deployment = next(document for document in yaml.safe_load_all(text) if document["kind"] == "Deployment")
    monitor, policy = documents("podmonitor.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"] == policy["spec"]["podSelector"]["matchLabels"] == labels
    scaled, scaler = documents("keda-scaledobject.yaml")[0], documents("hpa.yaml")[0]
    name = deployment["metadata"]["name"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == scaler["spec"]["scaleTargetRef"]["name"] == name
    assert {metric["pods"]["metric"]["name"] for metric in scaler["spec"]["metrics"]} == of_adapter().keys()
