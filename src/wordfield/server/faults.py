"""What the server answers when it cannot do what it is asked, in the shape that clients of OpenAI expect."""

from __future__ import annotations

from typing import final

from orjson import dumps
from starlette.responses import Response

RETRY = 1
"""Seconds after which a client that was turned away may come again."""


@final
class Fault(Exception):
    """A status, what is wrong and what to do about it, and the parameter that it is about."""

    def __init__(self, status: int, said: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(said)
        self.status, self.said, self.param, self.code = status, said, param, code

    def response(self) -> Response:
        """The answer that tells it."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        body = {"error": {"message": self.said, "type": kind, "param": self.param, "code": self.code}}
        headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": str(RETRY)}}.get(self.status)
        return Response(dumps(body), self.status, headers, "application/json")
