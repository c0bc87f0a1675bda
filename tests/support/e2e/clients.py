"""Two popular clients behind one interface: curl (a process) and httpx (a library)."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

PATIENCE = "60"


@dataclass(frozen=True)
class Answer:
    """What a client made of a response; names of fields in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client(Protocol):
    """One request each."""

    def get(self, url: str) -> Answer: ...

    def post_json(self, url: str, text: str) -> Answer: ...

    def post_file(self, url: str, file: Path) -> Answer: ...


class Curl:
    """The command `curl`."""

    def get(self, url: str) -> Answer:
        return self.run(url)

    def post_json(self, url: str, text: str) -> Answer:
        return self.run("--header", "content-type: application/json", "--data-binary", text, url)

    def post_file(self, url: str, file: Path) -> Answer:
        return self.run("--form", f"file=@{file}", url)

    def run(self, *arguments: str) -> Answer:
        """Any curl command for one URL."""
        command = ["curl", "--silent", "--show-error", "--max-time", PATIENCE, "--include", *arguments]
        output = subprocess.run(command, capture_output=True, check=True).stdout
        head, _, body = output.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, body = body.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        pairs = (field.split(": ", 1) for field in fields)
        return Answer(int(status.split(" ")[1]), {name.lower(): value for name, value in pairs}, body)


class Httpx:
    """The library httpx."""

    def get(self, url: str) -> Answer:
        return self._answer(httpx.get(url, timeout=float(PATIENCE)))

    def post_json(self, url: str, text: str) -> Answer:
        headers = {"content-type": "application/json"}
        return self._answer(httpx.post(url, content=text.encode(), headers=headers, timeout=float(PATIENCE)))

    def post_file(self, url: str, file: Path) -> Answer:
        files = {"file": (file.name, file.read_bytes())}
        return self._answer(httpx.post(url, files=files, timeout=float(PATIENCE)))

    def _answer(self, response: httpx.Response) -> Answer:
        return Answer(response.status_code, dict(response.headers), response.content)


def bodies_of_curl(*arguments: str) -> str:
    """The raw output of a curl command."""
    command = ["curl", "--silent", "--show-error", "--max-time", PATIENCE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
