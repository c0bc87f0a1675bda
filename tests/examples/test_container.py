"""The container of `examples/deploy`, checked as far as it can be without one: lint, files, options, configurations."""

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.e2e.programs import find, needs
from tests.support.source_tree import ROOT

DEPLOY = ROOT / "examples" / "deploy"
COMPOSE = DEPLOY / "compose"
CONTAINERFILE = DEPLOY / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Name and arguments, with continued lines joined and comments left out."""
    lines = [line for line in CONTAINERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.strip().partition(" ") for line in joined.splitlines()) if name]


def last(wanted: str) -> str:
    return [rest for name, rest in instructions() if name == wanted][-1]


@cache
def services() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return content


@cache
def effective() -> dict[str, Any]:
    """The configuration that the container's own command makes."""
    program, app, *options = json.loads(last("CMD"))
    assert (program, app) == ("esg", "main:app")
    command = [sys.executable, "-m", "esg", "examples.hello:app", *options, "--check"]
    env = {**os.environ, **services()["shop"]["environment"]}
    checked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    return tomllib.loads(checked.stdout)


HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has a package for some platforms only")
def test_hadolint_has_no_complaint() -> None:
    command = [HADOLINT, CONTAINERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_without_root_and_as_process_1_without_a_shell() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last("USER"))
    assert json.loads(last("CMD"))[0] == "esg"
    assert not any(name == "ENTRYPOINT" for name, _ in instructions())


def test_what_is_copied_exists_and_is_sent() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists()
        assert any(line == f"!{part}" for line in ignored for part in (path, path.partition("/")[0])), path


def test_the_health_check_asks_for_what_is_there() -> None:
    program = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    compile(program[2], "HEALTHCHECK", "exec")
    assert f"http://127.0.0.1:{effective()['port']}{effective()['health_path']}" in program[2]


def test_ports_are_those_that_it_listens_on() -> None:
    admin = effective()["admin"].rpartition(":")[2]
    assert last("EXPOSE").split() == services()["shop"]["expose"] == [str(effective()["port"]), admin]


def test_it_may_stop_as_long_as_it_needs() -> None:
    needed = effective()["shutdown_delay"] + effective()["timeout_graceful_shutdown"] + 5
    assert needed <= int(services()["shop"]["stop_grace_period"].rstrip("s"))


def test_services_have_no_privileges_and_are_on_loopback_only() -> None:
    for name, service in services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert "build" in service or re.search(r":v?\d+\.\d+", service["image"]), name


def test_files_that_are_mounted_exist() -> None:
    mounted = [volume.split(":") for service in services().values() for volume in service.get("volumes", ())]
    assert [source for source, _, _ in mounted if not (DEPLOY / source).is_file()] == []
    assert {mode for _, _, mode in mounted} == {"ro"}


def test_the_network_of_the_proxy_is_the_one_that_is_trusted() -> None:
    networks = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["networks"]
    (subnet,) = networks["default"]["ipam"]["config"]
    assert effective()["forwarded_allow_ips"] == [subnet["subnet"]]


@needs("nginx")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    text = (COMPOSE / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("shop:8000", "127.0.0.1:8000").replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "nginx.conf").write_text(text, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    where = ["-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr", "-g", f"daemon off; {user}"]
    done = subprocess.run([find("nginx") or "nginx", "-t", *where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"server shop:{effective()['port']};" in (COMPOSE / "nginx.conf").read_text(encoding="utf-8")


@needs("promtool")
def test_prometheus_accepts_its_configuration(tmp_path: Path) -> None:
    for name in (COMPOSE / "prometheus.yml", *(ROOT / "examples" / "monitoring").glob("*_rules.yml")):
        (tmp_path / name.name).write_bytes(name.read_bytes())
    command = [find("promtool") or "promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load((COMPOSE / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (target,) = job["dns_sd_configs"]
    assert target["names"] == ["shop"]
    assert str(target["port"]) == effective()["admin"].rpartition(":")[2]


def test_grafana_finds_the_figures_and_the_dashboard() -> None:
    (source,) = yaml.safe_load((COMPOSE / "grafana" / "datasource.yaml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((COMPOSE / "grafana" / "dashboards.yaml").read_text(encoding="utf-8"))["providers"]
    targets = {Path(volume.split(":")[1]) for volume in services()["grafana"]["volumes"]}
    dashboard = Path(services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert dashboard in targets
    assert dashboard.parent == Path(provider["options"]["path"])


SCHEMAS = Path(sys.executable).with_name("check-jsonschema")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.skipif(not SCHEMAS.exists(), reason="its packages are not installed with each interpreter")
@pytest.mark.parametrize(
    ("schema", "paths"),
    [("vendor.compose-spec", [DEPLOY / "compose.yaml"]), ("vendor.github-workflows", WORKFLOWS)],
    ids=["compose", "workflows"],
)
def test_files_follow_the_schema_of_their_program(schema: str, paths: list[Path]) -> None:
    """Schemas are part of the package: nothing is fetched."""
    command = [str(SCHEMAS), "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_every_manifest_is_yaml(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
