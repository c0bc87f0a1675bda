"""The workflow that publishes: what it may do, and that a tag selects the files of its own package only."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.source_tree import DISTRIBUTIONS, ROOT, version

FILE = ROOT / ".github" / "workflows" / "publish.yml"


def workflow() -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), yaml.BaseLoader)
    return content


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"][job]["steps"]
    return found


def tag(distribution: str) -> str:
    return f"{distribution}-v{version(distribution)}"


def test_only_the_job_that_publishes_may_sign_and_it_runs_no_code_of_the_repository() -> None:
    jobs = workflow()["jobs"]
    assert workflow()["permissions"] == {}
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == {"name": "index"}
    assert [step["uses"].partition("@")[0] for step in steps("publish")] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert steps("publish")[1]["with"]["attestations"] == "true"
    assert "secrets." not in FILE.read_text(encoding="utf-8")


def test_what_comes_from_outside_reaches_the_shell_by_variables_only() -> None:
    scripts = [step["run"] for job in workflow()["jobs"] for step in steps(job) if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_tag_takes_the_files_of_its_package(distribution: str, tmp_path: Path) -> None:
    name = tag(distribution)
    assert any(fnmatch(name, pattern) for pattern in workflow()["on"]["push"]["tags"])
    (tmp_path / "dist").mkdir()
    for each in DISTRIBUTIONS:
        stem = f"{each.replace('-', '_')}-{tag(each).rpartition('-v')[2]}"
        (tmp_path / "dist" / f"{stem}-py3-none-any.whl").touch()
        (tmp_path / "dist" / f"{stem}.tar.gz").touch()
    (script,) = (step["run"] for step in steps("build") if step.get("id") == "tag")
    variables = {"TAG": name, "GITHUB_OUTPUT": str(tmp_path / "output"), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=variables, check=True)
    stem = name.replace("-v", "\0").replace("-", "_").replace("\0", "-")
    taken = {path.name for path in (tmp_path / "release").iterdir()}
    assert taken == {f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"}
    assert (tmp_path / "output").read_text(encoding="utf-8") == f"name={distribution}\n"
    wrong = {**variables, "TAG": f"{distribution}-v9.9.9"}
    (tmp_path / "other").mkdir()
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path / "other", env=wrong, capture_output=True, check=False
    )
    assert done.returncode != 0
