"""The errors of ESG: their class says whose fault they are and what follows.

Each party has its own class: the operator (`UsageError`, `StartupError`: an exit code and one line), the client
(`RequestError`: a status) and the application (`ApplicationError`: the rule of ASGI it broke).
"""

from esg_core.statuses import PHRASES


class ESGError(Exception):
    """Base of all errors that ESG raises on purpose; its text is one line that a user can act on."""


class UsageError(ESGError):
    """A wrong option: unknown, not allowed, contradicting another, or naming a file that cannot be read (rule C-2)."""

    exit_code = 2


class StartupError(ESGError):
    """The server cannot start: import error, failed lifespan, a port in use (rules L-1, C-2).

    It has a cause (`raise StartupError(...) from exc`) where the application's own traceback helps the reader; what the
    application itself reports, beyond the one line, is a note (`add_note()`).
    """

    exit_code = 3


class CommandError(ESGError):
    """A command besides serving has failed, with an exit code: 1 the server refused, 3 no answer (rule M-11)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RequestError(ESGError):
    """The client's request breaks HTTP (rules H-11, H-12).

    `status` is the answer, `str(error)` says what was wrong (for the log, without raw bytes of the request), and
    `section` names the section of the specification that the request breaks.
    """

    def __init__(self, status: int, reason: str, section: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.section = section

    @property
    def phrase(self) -> str:
        """The reason phrase, which is safe to show to the client: `Bad Request`, `URI Too Long`."""
        return PHRASES[self.status]


class ApplicationError(ESGError):
    """The application broke a rule of ASGI (rule H-10); the text names the rule and what to do instead."""


def reason_of(error: OSError) -> str:
    """The system's reason, in lower case for the end of a line: `no such file or directory`."""
    return (error.strerror or str(error)).lower()


class ClientDisconnected(OSError):
    """Raised by an application's `send()` some time after its client has gone (rules H-21 and S-4, ASGI 2.4)."""


def tells_of_disconnect(error: BaseException) -> bool:
    """Whether an application's error means only that its client has gone.

    Frameworks have their own errors for that (`ClientDisconnect`, `WebSocketDisconnect`), with nothing in common but
    this word.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(tells_of_disconnect(part) for part in error.exceptions)
    return any("Disconnect" in type(link).__name__ for link in (error, error.__cause__))
