"""The watchdog, in processes that it may end."""

import subprocess
import sys
import textwrap
import threading
import time

from esg_core.lifecycle.watchdog import Watchdog


def ended(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has a watchdog; what it logs goes to standard error."""
    head = (
        "import logging, os, sys, threading, time\n"
        "from esg_core.lifecycle.watchdog import Watchdog\n"
        "logging.basicConfig()\n"
    )
    command = [sys.executable, "-c", head + "watchdog = Watchdog()\n" + textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_process_that_hangs_is_ended_and_its_place_told() -> None:
    began = time.monotonic()
    found = ended(
        """
        def the_place():
            time.sleep(60)
        watchdog.before_exit.append(lambda: print("last words"))
        watchdog.allow(0.2)
        the_place()
        """
    )
    assert found.returncode == 1
    assert time.monotonic() - began < 5
    assert "did not stop in time" in found.stderr
    assert "in the_place" in found.stderr


def test_last_functions_are_called_and_output_is_flushed() -> None:
    found = ended(
        """
        sys.stdout.write("unflushed ")
        watchdog.before_exit.append(lambda: os.write(1, b"cleaned"))
        watchdog.leave("enough")
        """
    )
    assert (found.returncode, found.stdout) == (1, "unflushed cleaned")
    assert "enough" in found.stderr


def test_lock_of_the_log_does_not_hold_the_end() -> None:
    """The thread that hangs may hold it."""
    found = ended(
        """
        logging.getLogger().handlers[0].acquire()
        watchdog.allow(0.1)
        time.sleep(60)
        """
    )
    assert found.returncode == 1


def test_allowing_again_counts_from_then_on_be_it_longer_or_shorter() -> None:
    found = ended(
        """
        watchdog.allow(0.2)
        watchdog.allow(60)
        time.sleep(0.4)
        print("still here", flush=True)
        watchdog.allow(0.1)
        time.sleep(60)
        """
    )
    assert (found.returncode, found.stdout) == (1, "still here\n")


def test_dismissed() -> None:
    found = ended(
        """
        watchdog.allow(0.2)
        watchdog.dismiss()
        time.sleep(0.4)
        print("still here")
        """
    )
    assert (found.returncode, found.stdout) == (0, "still here\n")


def test_no_thread_before_it_is_needed() -> None:
    before = threading.active_count()
    Watchdog().dismiss()
    assert threading.active_count() == before
