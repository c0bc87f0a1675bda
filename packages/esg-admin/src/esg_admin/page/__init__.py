"""The live page: one document, whose style and script may run because they carry the nonce of its response (rule M-9).

Knows nothing of figures: the page fetches them from `/events` and `/requests`, with a token if it needs one.
"""

import secrets
from importlib.resources import files

from esg_admin.responses import HTML, Response


def _read(*names: str) -> str:
    return "\n".join((files(__name__) / name).read_text(encoding="utf-8") for name in names)


_DOCUMENT = (
    _read("index.html")
    .replace("/* style */", _read("page.css"))
    .replace("/* script */", _read("figures.js", "drawing.js", "page.js"))
)
"""With `{{nonce}}` where that of a response belongs; read once, so that it never comes from another version."""


def page() -> Response:
    """The page under a policy that lets nothing run but what is in it, and nothing be fetched from elsewhere."""
    nonce = secrets.token_urlsafe(16)
    allowed = f"'nonce-{nonce}'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src {allowed}; img-src data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return Response(200, _DOCUMENT.replace("{{nonce}}", nonce).encode(), HTML, policy)
