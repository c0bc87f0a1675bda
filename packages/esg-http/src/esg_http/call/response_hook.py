"""Calls the response hook (rule R-1). Knows no protocol: takes and returns a status and header fields."""

from typing import TYPE_CHECKING

from esg_core.asgi import Headers, Scope
from esg_core.errors import ApplicationError
from esg_core.request_ids import with_request_id

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Prepared, Stream


def apply_hook(context: "Context", scope: Scope | None, status: int, headers: Headers) -> tuple[int, Headers]:
    """The status and headers to send after `context.on_response`; unchanged if it is unset or raises.

    The hook sees the id of the request among them (rule A-10).
    """
    hook = context.on_response
    if context.config.request_id:
        headers = with_request_id(scope, headers)
    if hook is None:
        return status, headers
    try:
        changed = hook(scope, status, list(headers))
        if changed is None:
            return status, headers
        new_status, new_headers = changed
        return _final(new_status), [(name, value) for name, value in new_headers]
    except Exception:
        context.logger.exception("the response hook failed; the response is sent unchanged (R-1)")
        return status, headers


def _final(status: int) -> int:
    if not 200 <= status <= 999:
        raise ValueError(f"{status} is not the status of a final response (RFC 9110 section 15)")
    return int(status)


def prepare_answer(
    context: "Context", stream: "Stream", scope: Scope | None, status: int, headers: Headers
) -> tuple[int, "Prepared"]:
    """The status and fields of an answer by the server itself; those of the hook are ignored if they cannot be sent.

    `headers` include a content-length, which the hook must not change.
    """
    if context.config.request_id:
        headers = with_request_id(scope, headers)
    prepared = stream.prepare(status, headers)
    if context.on_response is None:
        return status, prepared
    try:
        new_status, new_headers = apply_hook(context, scope, status, headers)
        changed = stream.prepare(new_status, new_headers)
        if changed[1] >= 0 and changed[1] != prepared[1]:
            raise ApplicationError("content-length does not match the body (RFC 9110 section 8.6)")
    except ApplicationError as error:
        context.logger.error("the response hook failed: %s; the response is sent unchanged (R-1)", error)  # noqa: TRY400
        return status, prepared
    return new_status, changed
