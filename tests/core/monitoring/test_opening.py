"""M-3, C-1: what the options about the admin address mean, and what is said if they are wrong."""

import importlib.util
from pathlib import Path

import pytest

from esg_core.errors import UsageError
from esg_core.monitoring.facts import shown_options
from esg_core.monitoring.opening import check_admin, settings_of
from esg_core.options.config import Config


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("127.0.0.1:9100", set()),
        ("[::1]:9100", set()),
        ("[fe80::1%eth0]:9100", set()),
        ("admin.example:9100", {"admin.example"}),
        ("unix:/run/admin.sock", set()),
        ("fd://3", set()),
    ],
)
def test_m7_only_a_name_is_a_name(address: str, names: set[str]) -> None:
    assert settings_of(Config("main:app", admin=address)).hosts == names


def test_m3_space_around_the_token_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  s3cret \r\n")
    assert settings_of(Config("main:app", admin="fd://3", admin_token_file=path)).token == b"s3cret"


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"two\nlines", b"\xff\xfe", b"\0", b"x" * 4097])
def test_m3_a_token_is_one_word(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    config = Config(
        "main:app", admin="fd://3", admin_token_file=path, spellings={"admin_token_file": "--admin-token-file"}
    )
    with pytest.raises(UsageError, match=r"^--admin-token-file .*token: (the file is empty|must hold one word of)"):
        check_admin(config)


def test_m3_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without_admin(name: str, package: str | None = None) -> object:
        return None if name == "esg_admin" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_admin)
    with pytest.raises(UsageError, match=r"^admin needs esg-admin, which is not installed: pip install "):
        check_admin(Config("main:app", admin="127.0.0.1:0"))


def test_m4_the_options_that_are_shown_have_no_secrets() -> None:
    config = Config(
        "main:app",
        workers=2,
        header=["a:b"],
        ssl_certfile="cert.pem",
        ssl_keyfile_password="hush",
        log_config={"version": 1, "handlers": {"mail": {"password": "hush"}}},
    )
    shown = shown_options(config)
    assert "hush" not in str(shown)
    assert (shown["workers"], shown["header"], shown["log_config"]) == (2, ["a:b"], "a table")
