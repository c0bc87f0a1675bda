"""Importing applications: what an import string may be, and one clear line for everything that can go wrong (L-1)."""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esg_core.app.loading import import_string, load_application
from esg_core.app.tracebacks import application_traceback
from esg_core.asgi import Application
from esg_core.errors import StartupError, UsageError
from esg_core.options.config import Config

APP = """
async def app(scope, receive, send):
    pass
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules into the current directory, from which they can be imported while the test runs."""

    def write_module(name: str, text: str = APP) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path

    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]
    sys.path_importer_cache.clear()


def load(reference: str, **options: Any) -> Application:
    return load_application(Config(reference, **options))


def error_of(reference: str, **options: Any) -> StartupError:
    with pytest.raises(StartupError) as caught:
        load(reference, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_module_and_attribute(write: Write) -> None:
    write("one.py")
    assert load("one:app") is sys.modules["one"].app


def test_packages_and_attributes_of_attributes(write: Write) -> None:
    write("package/__init__.py", "")
    write("package/two.py", f"{APP}\nclass Holder:\n    inner = app\nholder = Holder()\nholder.app = app\n")
    assert load("package.two:holder.app") is sys.modules["package.two"].app


def test_app_dir(write: Write, tmp_path: Path) -> None:
    write("elsewhere/three.py")
    assert load("three:app", app_dir=str(tmp_path / "elsewhere")) is sys.modules["three"].app
    assert sys.path[0] == str(tmp_path / "elsewhere")


def test_application_itself() -> None:
    async def app(*_: object) -> None: ...

    path = sys.path.copy()
    assert load_application(Config(app)) is app
    assert sys.path == path


def test_missing_module_is_told_with_the_one_that_was_meant(write: Write, tmp_path: Path) -> None:
    write("service.py")
    error = error_of("servise:app")
    assert f"there is no module 'servise' in {tmp_path}" in str(error)
    assert "did you mean service?" in str(error)
    assert error.__cause__ is None


def test_missing_module_of_a_package(write: Write) -> None:
    write("shop/__init__.py", "")
    write("shop/server.py")
    assert str(error_of("shop.serwer:app")).endswith("'shop' has no module 'serwer'; did you mean server?")


def test_file_name_instead_of_a_module(write: Write) -> None:
    write("four.py")
    assert str(error_of("four.py:app")).endswith("name the module 'four', not its file")


def test_missing_attribute(write: Write) -> None:
    write("five.py", f"from json import loads\n{APP}")
    assert str(error_of("five:ap")).endswith("module 'five' has no attribute 'ap'; did you mean app?")
    assert str(error_of("five:application")).endswith("has no attribute 'application'; it has app")


def test_attribute_that_raises(write: Write) -> None:
    write("lazy.py", "def __getattr__(name):\n    raise ZeroDivisionError('no database')\n")
    error = error_of("lazy:app")
    assert str(error).endswith(
        "cannot import the application 'lazy:app': it raised ZeroDivisionError while looking up 'app'"
    )
    assert isinstance(error.__cause__, ZeroDivisionError)


def test_module_that_needs_what_is_not_installed(write: Write) -> None:
    write("six.py", "import no_such_dependency\n")
    error = error_of("six:app")
    assert str(error).endswith("it needs a module that cannot be found: no_such_dependency")
    assert isinstance(error.__cause__, ModuleNotFoundError)


def test_module_that_raises(write: Write) -> None:
    path = write("seven.py", "def connect():\n    raise ZeroDivisionError('no database')\n\nconnect()\n")
    error = error_of("seven:app")
    assert str(error).endswith("ZeroDivisionError during import")
    assert error.__cause__ is not None
    text = re.sub(r"\n +[~^]+(?=\n)", "", application_traceback(error.__cause__))  # as Python 3.13 marks columns
    assert text == (
        "Traceback (most recent call last):\n"
        f'  File "{path}", line 4, in <module>\n    connect()\n'
        f"  File \"{path}\", line 2, in connect\n    raise ZeroDivisionError('no database')\n"
        "ZeroDivisionError: no database"
    )


def test_syntax_error_shows_the_place_only(write: Write) -> None:
    path = write("eight.py", "def app(:\n")
    error = error_of("eight:app")
    assert error.__cause__ is not None
    lines = application_traceback(error.__cause__).splitlines()
    assert lines[0] == f'  File "{path}", line 1'
    assert lines[-1].startswith("SyntaxError")


def test_tracebacks_of_causes_are_reduced_too(write: Write) -> None:
    write(
        "nine.py",
        "try:\n    import no_such_dependency\nexcept ImportError as error:\n    raise RuntimeError from error\n",
    )
    error = error_of("nine:app")
    assert error.__cause__ is not None
    text = application_traceback(error.__cause__)
    assert "importlib" not in text
    assert text.count("nine.py") == 2
    assert "The above exception was the direct cause" in text


def test_module_that_exits(write: Write) -> None:
    """Like modules that read the command line although it is not theirs."""
    write("ten.py", "import sys\nsys.exit('no configuration')\n")
    assert "it called sys.exit('no configuration') during import" in str(error_of("ten:app"))


def test_interrupt_while_importing_passes(write: Write) -> None:
    write("eleven.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load("eleven:app")


def test_what_cannot_be_called_is_no_application(write: Write) -> None:
    write("twelve.py", "app = {}\n")
    assert str(error_of("twelve:app")) == "'twelve:app' is not an application: it is dict, which cannot be called"


# Factories.

FACTORY = f"""
def create():
    {APP.strip().replace(chr(10), chr(10) + "    ")}
    return app
"""


def test_factory_that_is_declared(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    write("made.py", FACTORY)
    assert load("made:create", factory=True).__name__ == "app"
    assert caplog.records == []


def test_factory_that_is_not_declared_is_called_with_a_warning(
    write: Write, caplog: pytest.LogCaptureFixture, propagated: None
) -> None:
    write("found.py", FACTORY)
    assert load("found:create").__name__ == "app"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "say so with factory" in caplog.text


@pytest.fixture
def propagated(monkeypatch: pytest.MonkeyPatch) -> None:
    """ESG's records reach `caplog`, whatever another test has configured."""
    for name in ("esg", "esg.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)


def test_factory_that_raises(write: Write) -> None:
    write("bad.py", "def create():\n    raise ZeroDivisionError('no database')\n")
    error = error_of("bad:create", factory=True)
    assert str(error) == "the factory 'bad:create': it raised ZeroDivisionError"
    assert isinstance(error.__cause__, ZeroDivisionError)


def test_factory_that_makes_no_application(write: Write) -> None:
    write("useless.py", "def create():\n    return 'app'\n")
    assert "it is str, which cannot be called" in str(error_of("useless:create", factory=True))


def test_factory_must_not_be_async(write: Write) -> None:
    write("later.py", "async def create():\n    pass\n")
    assert "'later:create' is async" in str(error_of("later:create", factory=True))


def test_declared_factory_that_cannot_be_called(write: Write) -> None:
    write("constant.py", "create = 1\n")
    assert str(error_of("constant:create", factory=True)) == "factory: 'constant:create' is int, which cannot be called"


# The file of variables.


def test_env_file_is_read_before_the_import(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that are already set stay."""
    monkeypatch.setattr(os, "environ", {**os.environ, "ESG_TEST_SET": "before"})
    write("my.env", "ESG_TEST_SET=file\nESG_TEST_NEW=file\n")
    write("reader.py", f"import os\nfound = os.environ['ESG_TEST_SET'], os.environ['ESG_TEST_NEW']\n{APP}")
    load("reader:app", env_file="my.env")
    assert sys.modules["reader"].found == ("before", "file")


def test_env_file_that_is_not_there(write: Write) -> None:
    write("thirteen.py")
    with pytest.raises(UsageError, match=r"^env_file='no\.env': no such file or directory$"):
        load("thirteen:app", env_file="no.env")


def test_env_file_without_python_dotenv(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    with pytest.raises(UsageError, match="pip install python-dotenv"):
        load("fourteen:app", env_file="my.env")


def test_import_string_says_what_it_was_to_be(write: Write) -> None:
    with pytest.raises(StartupError, match="cannot import the hook 'nothing:there'"):
        import_string("nothing:there", "the hook")
