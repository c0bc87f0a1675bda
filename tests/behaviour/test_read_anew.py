"""W-9: files reloaded while a server runs cannot harm it: signals to the parent of workers, with real files."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.behaviour.lifecycle import answer, get
from tests.support.behaviour.working import APP, STARTED, Workers, connect_to, processes
from tests.support.e2e.server import PATIENCE, ROOT, Server
from tests.support.http.sockets import authority
from tests.support.reload.processes import is_running, wait_until

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

BROKEN = "Not restarted, nothing has changed: "


class Site(Workers):
    """Two workers with a configuration file, a file of variables and a log, all of which may be broken."""

    def __init__(self, here: Path, *options: str) -> None:
        self.here = here
        self.log = here / "logs" / "esg.log"
        self.log.parent.mkdir()
        self.restore()
        Server.__init__(self, APP, "--config", "esg.toml", "--no-access-log", *options, cwd=here, env=ENVIRONMENT)

    def restore(self) -> None:
        """Restore all files."""
        self.log.parent.mkdir(exist_ok=True)
        self.write_config('log_config = "log.json"', 'env_file = "variables"')
        (self.here / "variables").write_text("A=1\n")
        self.write_log_config(handlers={"file": {"class": "logging.FileHandler", "filename": str(self.log)}})

    def write_config(self, *lines: str) -> None:
        (self.here / "esg.toml").write_text("\n".join(("workers = 2", *lines)))

    def write_log_config(self, **more: Any) -> None:
        formatters = {"plain": {"format": "%(levelname)s [%(process)d] %(message)s"}}
        handlers = more.setdefault("handlers", {})
        for handler in handlers.values():
            handler["formatter"] = "plain"
        loggers = {"esg": {"handlers": [*handlers], "level": "INFO"}}
        table = {"version": 1, "formatters": formatters, "loggers": loggers, **more}
        (self.here / "log.json").write_text(json.dumps(table))

    @property
    def told(self) -> str:
        """The log, including what was written before its file was renamed."""
        return "".join(path.read_text() for path in sorted(self.here.rglob("esg.log*"), reverse=True))

    @property
    def there(self) -> list[int]:
        started = STARTED.findall(self.told)
        return [pid for pid in map(int, started) if is_running(pid)]

    @property
    def port(self) -> int:
        return int(re.findall(r"ESG running on https?://127\.0\.0\.1:(\d+)", self.told)[0])

    def errors(self) -> list[str]:
        return re.findall(r"ERROR \[\d+\] (.*)", self.told)

    def hang_up(self) -> str:
        """Send SIGHUP and return the error that it causes."""
        before = len(self.errors())
        self.send(signal.SIGHUP)
        wait_until(lambda: len(self.errors()) > before, PATIENCE)
        return self.errors()[before]


@contextmanager
def site(here: Path, *options: str) -> Iterator[Site]:
    with Site(here, *options) as server:
        server.settle(2)
        wait_until(lambda: "ESG running" in server.told)
        yield server
        assert server.stop() == 0, server.output
        assert [pid for pid in processes(server) if is_running(pid)] == []


def broken_log_config(site: Site) -> None:
    (site.here / "log.json").write_text("{")


def missing_log_config(site: Site) -> None:
    (site.here / "log.json").unlink()


def log_config_that_cannot_be_followed(site: Site) -> None:
    site.write_log_config(handlers={"file": {"class": "logging.FileHandler", "filename": "nowhere/esg.log"}})


def log_config_that_ends_the_process(site: Site) -> None:
    """A handler's class comes from the user's module, which may do anything."""
    (site.here / "strange.py").write_text("import os\nos._exit(7)\n")
    site.write_log_config(handlers={"strange": {"class": "strange.Handler"}})


def log_config_that_ends_the_process_as_a_fault_does(site: Site) -> None:
    (site.here / "silent.py").write_text("import os\nos._exit(1)\n")
    site.write_log_config(handlers={"silent": {"class": "silent.Handler"}})


def missing_variables(site: Site) -> None:
    (site.here / "variables").unlink()


def variables_that_are_no_text(site: Site) -> None:
    (site.here / "variables").write_bytes(b"A=\xff\n")


def broken_configuration(site: Site) -> None:
    site.write_config("log_config =")


def missing_configuration(site: Site) -> None:
    (site.here / "esg.toml").unlink()


def configuration_that_python_cannot_read(site: Site) -> None:
    site.write_config("header = " + "[" * 10_000)


def missing_certificate(site: Site) -> None:
    site.write_config('ssl_certfile = "nothing.pem"')


def broken_certificate(site: Site) -> None:
    (site.here / "broken.pem").write_text("nonsense")
    site.write_config('ssl_certfile = "broken.pem"')


KINDS: dict[Callable[[Site], None], str] = {
    broken_log_config: r"log_config='log\.json': (Expecting property|Key) name",
    missing_log_config: r"log_config='log\.json': no such file",
    log_config_that_cannot_be_followed: r"log_config='log\.json': Unable to configure handler 'file': .*no such file",
    log_config_that_ends_the_process: "it ended the process that tried it, with exit code 7$",
    log_config_that_ends_the_process_as_a_fault_does: "it ended the process that tried it, with exit code 1$",
    missing_variables: "env_file='variables': no such file",
    variables_that_are_no_text: "env_file='variables': not UTF-8 text",
    broken_configuration: r"--config esg\.toml: not valid TOML",
    missing_configuration: r"--config esg\.toml: no such file",
    configuration_that_python_cannot_read: "recursion",
    missing_certificate: r"ssl_certfile='nothing\.pem': no such file",
    broken_certificate: r"ssl_certfile='broken\.pem': no certificate with its key in PEM was found",
}


def test_w9_hup_with_broken_files_leaves_all_as_it_is(tmp_path: Path) -> None:
    """Each causes one error; a worker that dies then is replaced; intact files are applied again."""
    with site(tmp_path) as server:
        before = server.there
        for break_it, text in KINDS.items():
            told = len(server.errors())
            break_it(server)
            error = server.hang_up()
            assert error.startswith(BROKEN)
            assert re.search(text, error), error
            assert len(server.errors()) == told + 1
            assert (server.get("/"), server.there) == ("hello", before)
            server.restore()
        broken_log_config(server)
        os.kill(before[0], signal.SIGKILL)
        before = server.next(before[:1], 2)
        server.restore()
        server.send(signal.SIGHUP)
        server.next(before)
        assert server.get("/") == "hello"


def test_w9_the_same_for_workers_that_are_forked(tmp_path: Path) -> None:
    """Their variables are read once, with the application."""
    with site(tmp_path, "--preload") as server:
        before = server.there
        for break_it in (broken_log_config, missing_configuration, missing_certificate):
            break_it(server)
            assert re.search(KINDS[break_it], server.hang_up())
            assert (server.get("/"), server.there) == ("hello", before)
            server.restore()
        server.send(signal.SIGHUP)
        server.next(before)


@pytest.mark.slow
def test_w9_files_that_take_forever_are_given_up(tmp_path: Path) -> None:
    """A named pipe instead of a file; workers are not blamed for the time it takes."""
    with site(tmp_path, "--timeout-worker-healthcheck", "2") as server:
        before = server.there
        (tmp_path / "variables").unlink()
        os.mkfifo(tmp_path / "variables")
        assert server.hang_up() == f"{BROKEN}trying it takes longer than 10 s"
        (tmp_path / "variables").unlink()
        server.restore()
        server.send(signal.SIGHUP)
        server.next(before)
        assert len(server.errors()) == 1


def test_w9_what_the_first_new_worker_cannot_do_is_not_done(tmp_path: Path) -> None:
    """The number of workers, their time-outs and the parent's log stay as they were."""
    with site(tmp_path) as server:
        before = server.there
        (tmp_path / "esg.toml").write_text(
            'workers = 1\nlog_config = "other.json"\non_response = "nothing:hook"\ntimeout_worker_healthcheck = 0.5\n'
        )
        other = (tmp_path / "log.json").read_text().replace("esg.log", "other.log")
        (tmp_path / "other.json").write_text(other)
        server.send(signal.SIGHUP)
        wait_until(lambda: "not restarted, the old workers keep serving" in server.told, PATIENCE)
        assert (server.get("/"), server.there) == ("hello", before)
        server.restore()
        server.send(signal.SIGHUP)
        server.next(before)
        assert f"INFO [{server.pid}]" not in (tmp_path / "logs" / "other.log").read_text()


def test_w9_a_new_certificate_that_is_whole_is_used(tmp_path: Path) -> None:
    """W-3: HUP turns TLS on, once everything that it needs is there."""
    with site(tmp_path) as server:
        before = server.there
        authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
        server.write_config('log_config = "log.json"', 'ssl_certfile = "server.pem"')
        server.send(signal.SIGHUP)
        server.next(before)
        assert server.errors() == []


# Log files (SIGUSR1).


def test_w9_usr1_where_a_file_cannot_be_opened(tmp_path: Path) -> None:
    """Parent and workers go on with the files that they have, and follow signals as before."""
    with site(tmp_path) as server:
        before = server.there
        server.log.parent.rename(tmp_path / "moved")
        server.send(signal.SIGUSR1)
        wait_until(lambda: server.errors() != [])
        (error,) = server.errors()
        assert error == f"Log files were not reopened, all stay as they are: {server.log}: No such file or directory"
        assert (server.get("/"), server.there) == ("hello", before)
        server.log.parent.mkdir()
        server.send(signal.SIGUSR1)
        wait_until(server.log.exists)
        server.send(signal.SIGHUP)
        server.next(before)


def test_w3_usr1_reaches_a_worker_that_is_being_replaced(tmp_path: Path) -> None:
    """Its last lines are in the new file, not in one that may have been compressed and deleted."""
    with Site(tmp_path, "--workers", "1") as server:
        (old,) = server.settle(1)
        wait_until(lambda: "ESG running" in server.told)
        with server.connect() as busy:
            busy.sendall(b"POST /upload HTTP/1.1\r\nhost: esg\r\ncontent-length: 2\r\n\r\n1")
            server.wait_for("receiving")
            server.send(signal.SIGHUP)
            wait_until(lambda: f"Retiring worker [{old}]" in server.told, PATIENCE)
            server.log.rename(server.log.with_name("esg.log.1"))
            server.send(signal.SIGUSR1)
            wait_until(lambda: server.log in {one.resolve() for one in Path(f"/proc/{old}/fd").iterdir()})
            busy.sendall(b"2")
            assert answer(busy).status == 200
        server.next([old])
        assert f"INFO [{old}] Finished server process [{old}]" in server.log.read_text()
        assert server.stop() == 0, server.output


def test_w9_the_log_may_go_away_at_any_time(tmp_path: Path) -> None:
    """A handler that reopens its file by itself raises within the logging call."""
    with site(tmp_path) as server:
        watched = {"class": "logging.handlers.WatchedFileHandler", "filename": str(server.log)}
        server.write_log_config(handlers={"file": watched})
        before = server.there
        server.send(signal.SIGHUP)
        before = server.next(before)
        port = server.port
        shutil.rmtree(server.log.parent)
        server.send(signal.SIGTTIN)
        server.send(signal.SIGTTOU)
        os.kill(before[0], signal.SIGKILL)
        server.wait_for("FileNotFoundError")
        server.log.parent.mkdir()
        server.next(before, 1)
        with connect_to(port) as connection:
            assert get(connection).body == b"hello"


# A new program (SIGUSR2).


@pytest.mark.parametrize("break_it", [broken_log_config, missing_variables, broken_configuration, broken_certificate])
def test_w9_usr2_with_broken_files_leaves_all_as_it_is(tmp_path: Path, break_it: Callable[[Site], None]) -> None:
    with site(tmp_path, "--pid-file", "esg.pid") as server:
        before = server.there
        break_it(server)
        server.send(signal.SIGUSR2)
        wait_until(lambda: "The new program failed: exit code " in server.told, PATIENCE)
        assert (server.get("/"), server.there) == ("hello", before)
        assert (tmp_path / "esg.pid").read_text() == f"{server.pid}\n"


@pytest.mark.parametrize("option", ["", "reload = true"])
def test_w9_usr2_without_workers_leaves_no_second_program(tmp_path: Path, option: str) -> None:
    """Otherwise two would serve side by side, and neither would end."""
    (tmp_path / "esg.toml").write_text("workers = 1")
    with Server(APP, "--config", "esg.toml", cwd=tmp_path, env=ENVIRONMENT) as server:
        server.wait_for("Application startup complete")
        (tmp_path / "esg.toml").write_text(option)
        server.process.send_signal(signal.SIGUSR2)
        server.wait_for("workers: this program has none, so it cannot take over from the previous one")
        server.wait_for("The new program failed: exit code 3; this one keeps serving")
        with server.connect() as connection:
            assert get(connection).body == b"hello"
        assert server.stop() == 0
