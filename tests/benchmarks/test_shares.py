"""The benchmark of shares: its evaluation of figures, and two scenes for real."""

import socket
import time

import pytest

from benchmarks.shares import page
from benchmarks.shares.__main__ import main
from benchmarks.shares.crowd import Client, Crowd
from benchmarks.shares.scenes import SCENES, unevenness

FIGURES = {
    "burst-8": {"esg": [1.0, 2.0, 9.0], "esg-reuse-port": [1.0], "other": [3.0]},
    "burst-64": {"esg": [1.0, 1.31, 1.31], "other": []},
    "mixed-block-kept": {"esg": [0.109], "esg-reuse-port": [0.001], "other": [0.100]},
    "mixed-block-new": {"esg": [0.012], "other": [0.0079], "another": [0.5]},
    "mixed-wait-kept": {"esg": [0.012], "other": [0.0081]},
    "cost": {"esg": [1.05], "esg-unshared": [1.0], "other": [0.1]},
}


def test_the_table_has_the_medians() -> None:
    text = page.comparison(FIGURES, ["esg", "other"])
    lines = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in text.split("\n")}
    assert lines["burst of 8"] == ["2.00", "3.00"]
    assert lines["burst of 64"] == ["1.31", "-"]
    assert lines[SCENES["mixed-block-new"].title] == ["12", "8"]


def test_bars_are_figures_or_the_best_of_the_others() -> None:
    """The same server in another configuration is none of them, except where it is the reference."""
    assert [is_cleared for _, is_cleared in page.bars(FIGURES, "esg")] == [True, False, True, False, True, True]


def test_a_server_without_figures_clears_no_bar() -> None:
    assert [is_cleared for _, is_cleared in page.bars({"burst-8": {"other": [1.0]}}, "esg")] == [False]


def test_unevenness_is_the_fullest_part_by_the_mean() -> None:
    assert unevenness([_client(7), _client(7), _client(7), _client(8)], 4) == 3.0


def test_a_wait_ends_when_the_answer_arrives() -> None:
    """A client that is late to read does not make its server slow."""
    with socket.create_server(("127.0.0.1", 0)) as listening, Crowd(listening.getsockname()[1]) as crowd:
        [client] = crowd.open(1)
        served, _ = listening.accept()
        with served:
            crowd.ask(client)
            served.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n7")
            arrived = time.time()
            crowd.wait([client])
    assert client.process == 7
    assert client.asked <= client.asked + client.waited <= arrived


def _client(process: int) -> Client:
    client = Client.__new__(Client)
    client.process = process
    return client


def test_the_command_measures_what_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A single worker takes everything, which is its share."""
    code = main(["burst-8", "cost", "--servers", "esg", "--workers", "1", "--rounds", "1"])
    captured = capsys.readouterr()
    assert (code, "| burst of 8 " in captured.out) == (0, True), captured.err
