"""The types of ASGI 3, as its specification names them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]
"""Header fields as ASGI carries them: names in lower case, order and repetition kept."""

__all__ = ["Application", "Headers", "Message", "Receive", "Scope", "Send"]
