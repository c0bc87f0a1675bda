"""Which files count (rule W-6): includes, excludes, directories."""

from pathlib import Path

import pytest

from esg_reload import Files
from esg_reload.files import DEFAULT_EXCLUDES, DEFAULT_INCLUDES


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory that is itself hidden, with two more inside."""
    place = tmp_path / ".hidden" / "project"
    for name in ("src", "other/.secret"):
        (place / name).mkdir(parents=True)
    monkeypatch.chdir(place)
    return place.resolve()


def test_the_defaults_are_those_of_the_specification() -> None:
    assert DEFAULT_INCLUDES == ("*.py",)
    assert DEFAULT_EXCLUDES == (".*", ".py[cod]", ".sw.*", "~*")


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("main.py", True),
        ("src/package/module.py", True),
        ("main.pyc", False),
        ("main.html", False),
        ("README", False),
        (".main.py", False),
        (".main.py.swp", False),
        ("~main.py", False),
        (".venv/lib/module.py", False),
        ("src/.git/hook.py", False),
        ("../main.py", False),
        ("/main.py", False),
    ],
)
def test_by_default_python_files_count_that_are_not_hidden(here: Path, path: str, counts: bool) -> None:
    assert Files()(path) is counts
    assert Files()(here / path) is counts


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.html", "src/templates/a.html"),
        ("templates/*.html", "src/templates/a.html"),
        ("templates", "src/templates/deep/a.txt"),
        ("templates/", "src/templates/a.txt"),
        ("settings.toml", "settings.toml"),
        ("?.txt", "a.txt"),
        ("[ab].txt", "b.txt"),
    ],
)
def test_includes_come_beside_the_default(here: Path, pattern: str, path: str) -> None:
    files = Files(includes=[pattern])
    assert (files(path), files("main.py"), files("src/z.text")) == (True, True, False)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("test_*", "src/test_main.py"),
        ("generated", "src/generated/deep/a.py"),
        ("src/generated", "src/generated/a.py"),
        ("*_pb2.py", "src/a_pb2.py"),
    ],
)
def test_excludes_come_beside_the_defaults(here: Path, pattern: str, path: str) -> None:
    files = Files(excludes=[pattern])
    assert (files(path), files("main.py"), files(".main.py")) == (False, True, False)


def test_a_directory_can_be_excluded_by_its_whole_path(here: Path) -> None:
    files = Files(excludes=[str(here / "src")])
    assert (files("src/a.py"), files("other/src/a.py")) == (False, True)


def test_a_default_is_dropped_by_naming_it_in_the_opposite_option(here: Path) -> None:
    no_python = Files(includes=["*.html"], excludes=["*.py"])
    assert no_python.includes == ("*.html",)
    assert (no_python("a.py"), no_python("a.html")) == (False, True)
    hidden = Files(includes=[".*"])
    assert ".*" not in hidden.excludes
    assert hidden(".profile")


def test_an_include_without_wildcard_beats_every_exclude_for_just_that_file(here: Path) -> None:
    files = Files(includes=[".env", "src/keep.py"], excludes=["src"])
    assert (files(".env"), files("src/keep.py")) == (True, True)
    assert (files(".env/a.txt"), files("src/other.py"), files(".env.local")) == (False, False, False)


def test_only_what_lies_in_the_directories_counts(here: Path) -> None:
    files = Files("src", here / "other")
    assert (files("src/a.py"), files("other/a.py"), files("a.py")) == (True, True, False)


def test_a_hidden_directory_that_is_watched_by_name_counts(here: Path) -> None:
    """Also when another one around it is watched."""
    assert Files("other/.secret")("other/.secret/a.py")
    assert Files(".", "other/.secret")("other/.secret/a.py")
    assert not Files(".")("other/.secret/a.py")


def test_the_roots_do_not_contain_each_other(here: Path) -> None:
    assert Files().roots == (here,)
    assert Files("src", "other/.secret", "other", "src").roots == (here / "src", here / "other")
    assert Files("src", ".").roots == (here,)


def test_a_directory_must_be_there(here: Path) -> None:
    (here / "file").touch()
    for name in ("nowhere", "file"):
        with pytest.raises(NotADirectoryError, match=f"^there is no directory '{name}'$"):
            Files(name)


@pytest.mark.parametrize("wrong", ["", ".", "./"])
def test_a_pattern_must_name_something(wrong: str) -> None:
    for arguments in ({"includes": [wrong]}, {"excludes": [wrong]}):
        with pytest.raises(ValueError, match="is not a pattern: write it as in a shell"):
            Files(**arguments)
