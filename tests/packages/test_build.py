"""The packages as users get them: the same bytes from the same sources, complete, and rendered by an index."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from tests.support.source_tree import DISTRIBUTIONS, ROOT, home
from tools.build_packages import LOCK, SUMS, build

pytest.importorskip("hatchling", reason="the group `release` is installed for one Python only")
markdown = pytest.importorskip("readme_renderer.markdown", reason="as hatchling")

CONSTRAINTS = ROOT / "constraints.txt"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build(directory, Path(sys.executable))
    return directory


def wheel_of(dist: Path, distribution: str) -> zipfile.ZipFile:
    (path,) = (path for path in dist.glob("*.whl") if parse_wheel_filename(path.name)[0] == distribution)
    return zipfile.ZipFile(path)


def metadata_of(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return BytesParser().parsebytes(wheel.read(name))


@pytest.mark.slow
def test_building_twice_gives_the_same_bytes(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also later, in another place, where an older build lies, with another umask and other hashes of strings."""
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    (tmp_path / "esg-0.0.1-py3-none-any.whl").touch()
    build(tmp_path, Path(sys.executable))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in dist.iterdir())
    different = [path.name for path in dist.iterdir() if path.read_bytes() != (tmp_path / path.name).read_bytes()]
    assert different == []


@pytest.mark.slow
def test_files_carry_the_time_that_is_asked_for(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    build(tmp_path, Path(sys.executable))
    for path in tmp_path.glob("*.tar.gz"):
        with tarfile.open(path) as sdist:
            assert {member.mtime for member in sdist} == {1700000000}
    with wheel_of(tmp_path, "esg") as wheel:
        assert {entry.date_time[:3] for entry in wheel.infolist()} == {(2023, 11, 14)}


@pytest.mark.slow
def test_each_package_has_a_wheel_a_source_distribution_and_a_checksum(dist: Path) -> None:
    wheels = {parse_wheel_filename(path.name)[:2] for path in dist.glob("*.whl")}
    assert {name for name, _ in wheels} == set(DISTRIBUTIONS)
    assert {parse_sdist_filename(path.name) for path in dist.glob("*.tar.gz")} == wheels
    lines = (line.split() for line in (dist / SUMS).read_text(encoding="ascii").splitlines())
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir() if path.name != SUMS}
    assert {name: digest for digest, name in lines} == sums


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_wheel_has_the_license_the_types_and_every_module(dist: Path, distribution: str) -> None:
    package = distribution.replace("-", "_")
    source = home(distribution) / "src"
    with wheel_of(dist, distribution) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licenses = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert wheel.read(licenses[0]) == (ROOT / "LICENSE").read_bytes()
    files = {path for path in (source / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert names == {path.relative_to(source).as_posix() for path in files}
    assert f"{package}/py.typed" in names


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_an_index_can_render_the_long_description(dist: Path, distribution: str) -> None:
    with wheel_of(dist, distribution) as wheel:
        metadata = metadata_of(wheel)
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    description = metadata.get_payload()
    assert description == (home(distribution) / "README.md").read_text(encoding="utf-8")
    rendered = markdown.render(description)
    assert rendered is not None
    assert ">What it exports<" in rendered


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_source_distribution_builds_the_same_wheel(dist: Path, distribution: str, tmp_path: Path) -> None:
    """It needs nothing from the repository: packagers of systems build from it."""
    (path,) = (path for path in dist.glob("*.tar.gz") if parse_sdist_filename(path.name)[0] == distribution)
    shutil.unpack_archive(path, tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist"))
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.read_bytes() == (dist / wheel.name).read_bytes()


def locked(path: Path) -> dict[str, set[str]]:
    """The versions that a lock names for each package: several where Pythons need different ones."""
    versions: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "# ":
            name, _, version = line.split(";")[0].strip(" \\").partition("==")
            versions.setdefault(canonicalize_name(name), set()).add(version)
    return versions


def needed() -> list[Requirement]:
    """What `esg[standard]` needs of others."""
    projects = [
        tomllib.loads((home(distribution) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for distribution in DISTRIBUTIONS
    ]
    lines = [line for one in projects for line in (*one["dependencies"], *one["optional-dependencies"]["standard"])]
    return [one for one in map(Requirement, lines) if canonicalize_name(one.name) not in DISTRIBUTIONS]


def of_tools() -> list[Requirement]:
    """What the groups of the repository name, for CPython, which the lock is for."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    named = [Requirement(line) for group in groups.values() for line in group if isinstance(line, str)]
    on_cpython = {"platform_python_implementation": "CPython"}
    return [one for one in named if one.marker is None or one.marker.evaluate(on_cpython)]


def test_the_locks_have_versions_that_are_admitted() -> None:
    versions = locked(CONSTRAINTS)
    assert {canonicalize_name(one.name) for one in needed()} <= versions.keys()
    for one in (*needed(), *of_tools()):
        refused = [each for each in versions.get(canonicalize_name(one.name), ()) if not one.specifier.contains(each)]
        assert refused == [], f"{one}: renew constraints.txt as its head says"
    assert "hatchling" in locked(LOCK)
