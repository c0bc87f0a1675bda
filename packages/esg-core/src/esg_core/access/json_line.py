"""The JSON line of the access log (rule R-3): one object per request, null for unknown values.

Pure except for the clock. The objects are assembled as text, because nearly all values are known to be safe in JSON.
"""

import time as clock
from json.encoder import encode_basestring_ascii as quote

from esg_core.access.escaping import Memo, client_text, target_text
from esg_core.access.exchange import NO_TARGET, ScopeLike, tls_version
from esg_core.logs.timestamps import rfc3339
from esg_core.request_ids import id_in


def _or_null(text: str | None) -> str:
    return quote(text) if text is not None and text != "-" else "null"


def _field(value: bytes | None) -> str:
    return quote(value.decode("latin-1")) if value is not None else "null"


_clients: Memo[tuple[str, int | None] | None] = Memo(lambda client: _or_null(client_text(client)))
_words = Memo(_or_null)
_fields = Memo(_field)


def json_line(scope: ScopeLike, target: bytes, status: int, size: int, seconds: float, aborted: bool) -> str:
    """The object of one request; `time` is when its response ended, `size` counts the bytes of the body."""
    fields = dict(scope["headers"])
    path = "null" if target == NO_TARGET else f'"{target_text(target)}"'
    return (
        f'{{"time":"{rfc3339(clock.time())}","client":{_clients[scope["client"]]}'
        f',"method":{_words[scope["method"]]},"target":{path}'
        f',"version":{_words[scope["http_version"]]},"status":{status},"size":{size}'
        f',"duration_ms":{seconds * 1000:.3f},"request_id":{_or_null(id_in(fields))}'
        f',"referer":{_fields[fields.get(b"referer")]},"user_agent":{_fields[fields.get(b"user-agent")]}'
        f',"tls":{_words[tls_version(scope)]},"aborted":{"true" if aborted else "false"}}}'
    )
