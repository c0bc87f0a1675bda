"""The reason phrases of statuses, the same on every Python: those of RFC 9110, which `http` adopted late."""

from http import HTTPStatus

PHRASES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus}
PHRASES.update(
    {
        103: "Early Hints",
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
        425: "Too Early",
    }
)
