"""Applications that break the rules of ASGI, each with what its client and the operator must see."""

from tests.http.misbehaviour import failures, headers, messages
from tests.http.misbehaviour.case import Misbehaviour

MISBEHAVIOURS: tuple[Misbehaviour, ...] = (*messages.cases(), *headers.cases(), *failures.cases())

__all__ = ["MISBEHAVIOURS", "Misbehaviour"]
