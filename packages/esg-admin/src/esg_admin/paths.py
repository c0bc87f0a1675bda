"""The paths of the admin address: what each gives, and what it answers.

Knows no client: `access` has decided whether it may ask, and the responder writes the answer.
"""

from collections.abc import Callable, Mapping

from esg_admin.access import Access
from esg_admin.exposition import FORMATS, content_type, write
from esg_admin.negotiation import preferred
from esg_admin.page import page
from esg_admin.request_reader import Request
from esg_admin.responses import EVENT_STREAM, Refused, Response, document, text
from esg_core.admin.contracts import Action, Question, Source


def _metrics(source: Source, request: Request) -> Response:
    media_type = preferred(request.fields.get("accept"), FORMATS)
    return Response(200, write(source.readings(), media_type), content_type(media_type))


def _health(_source: Source, _request: Request) -> Response:
    return text(200, "healthy")


def _ready(source: Source, _request: Request) -> Response:
    return text(200, "ready") if source.is_ready() else text(503, "not ready")


def _stats(source: Source, _request: Request) -> Response:
    return document(source.stats())


def _page(_source: Source, _request: Request) -> Response:
    return page()


OPEN: Mapping[str, Callable[[Source, Request], Response]] = {
    "/": _page,
    "/metrics": _metrics,
    "/health": _health,
    "/ready": _ready,
}
READ = {"/stats": _stats}
AT_ONCE = {**OPEN, **READ}
"""What is answered without waiting for anything."""

EVENTS = "/events"
EVENTS_HEAD = Response(200, None, EVENT_STREAM, fields={"x-accel-buffering": "no"})
"""The last field tells nginx not to hold events back."""

QUESTIONS = {"/stacks": Question.STACKS, "/requests": Question.REQUESTS}
ACTIONS = {f"/{action.value}": action for action in Action}

_THERE_ARE = ", ".join((*AT_ONCE, EVENTS, *QUESTIONS, *(f"POST {path}" for path in ACTIONS)))


def access_of(path: str) -> Access:
    """What a path gives; raises `Refused` with the list of all where there is no such path."""
    if path in OPEN:
        return Access.OPEN
    if path in ACTIONS:
        return Access.ACT
    if path in READ or path in QUESTIONS or path == EVENTS:
        return Access.READ
    raise Refused(404, f"there is no such path; there are {_THERE_ARE}")


def action_done(action: Action, reason: str) -> Response:
    """Whether an action is being done; `reason` says why not."""
    content = {"action": action.value, "accepted": not reason}
    return document({**content, "reason": reason} if reason else content, 409 if reason else 202)
