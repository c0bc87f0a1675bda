"""Calls the response hook (rule R-1). Knows no protocol: status and header fields in, status and header fields out."""

from typing import TYPE_CHECKING

from esg_core.asgi import Headers, Scope

if TYPE_CHECKING:
    from esg_core.context import Context


def apply_hook(context: "Context", scope: Scope | None, status: int, headers: Headers) -> tuple[int, Headers]:
    """What is to be sent according to `context.on_response`; the same status and headers if it is unset or raises."""
    hook = context.on_response
    if hook is None:
        return status, headers
    try:
        changed = hook(scope, status, list(headers))
        if changed is None:
            return status, headers
        new_status, new_headers = changed
        return int(new_status), [(name, value) for name, value in new_headers]
    except Exception:
        context.logger.exception("the response hook raised; the response goes out unchanged (R-1)")
        return status, headers


__all__ = ["apply_hook"]
