"""The application: routes, who may ask, and answers in the shape of OpenAI's API."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar, final

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from wordfield.protocols import Matrix
from wordfield.server import documents
from wordfield.server.batching import Batcher
from wordfield.server.faults import Fault
from wordfield.server.metrics import Metrics
from wordfield.server.models import Served, shortened
from wordfield.server.questions import Limits, read

log = logging.getLogger(__name__)

Reached = TypeVar("Reached")
TOGETHER = 256
"""Texts that a model is given at once, where several requests wait."""
GONE = 499
"""What is noted where the client has gone; nobody is told."""


@final
class Service:
    """Answers requests for some models."""

    def __init__(self, models: Sequence[Served], limits: Limits, keys: Collection[str]) -> None:
        self.models = {each.name: each for each in models}
        self.limits = limits
        self.keys = [hashlib.sha256(key.encode()).digest() for key in keys]
        self.lines: Mapping[str, Batcher] = {each.name: Batcher(each.read, limits.waiting, TOGETHER) for each in models}
        self.metrics = Metrics()

    async def embeddings(self, request: Request) -> Response:
        """POST /v1/embeddings."""
        begun, name, status = perf_counter(), "", 500
        try:
            self.admit(request)
            question, given = read(await self.body(request), self.limits)
            served = self.named(question.model)
            name = served.name
            vectors, tokens = await while_there(request, self.lines[name].ask(served.texts(given)))
            answer = answered(name, shortened(vectors, question.dimensions, name), tokens, question.encoding_format)
            self.metrics.texts.labels(name).inc(len(vectors))
            self.metrics.tokens.labels(name).inc(tokens)
            status = answer.status_code
        except Fault as fault:
            answer, status = fault.response(), fault.status
        except ClientDisconnect:
            answer, status = Response(status_code=GONE), GONE
        except ValueError as error:  # what the model will not have
            answer, status = Fault(400, str(error), "input").response(), 400
        except OSError as error:  # a service behind it
            answer, status = Fault(502, str(error)).response(), 502
        except Exception:
            log.exception("a request failed")
            answer = Fault(500, "the server failed at this request; its log says why").response()
        finally:
            self.metrics.requests.labels(name, str(status)).inc()
            self.metrics.seconds.labels(name).observe(perf_counter() - begun)
        return answer

    def admit(self, request: Request) -> None:
        """``Fault`` 401 for who has no key, where there are keys. How long it takes tells nothing of them."""
        if not self.keys:
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        found = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        right = [hmac.compare_digest(found, key) for key in self.keys]
        if kind.lower() != "bearer" or not any(right):
            said = "wrong key" if given else "no key"
            raise Fault(401, f"{said}: send the header Authorization: Bearer KEY", code="invalid_api_key")

    async def body(self, request: Request) -> bytes:
        """The whole body; ``Fault`` 413 as soon as it is too long."""
        most = self.limits.body
        said = f"the body has more than the {most:,} bytes that are taken: send fewer texts at once"
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise Fault(413, said)
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise Fault(413, said)
            parts.append(part)
        return b"".join(parts)

    def named(self, name: str) -> Served:
        """The model of that name; ``Fault`` 404 that lists those there are."""
        if name not in self.models:
            known = ", ".join(self.models)
            raise Fault(404, f"there is no model {name[:100]!r}; there are: {known}", "model", "model_not_found")
        return self.models[name]

    async def listed(self, request: Request) -> Response:
        """GET /v1/models, and /v1/models/NAME."""
        self.admit(request)
        each = {
            name: {"id": name, "object": "model", "created": served.created, "owned_by": "wordfield"}
            for name, served in self.models.items()
        }
        if (name := request.path_params.get("name")) is not None:
            return json(each[self.named(name).name])
        return json({"object": "list", "data": list(each.values())})

    async def health(self, request: Request) -> Response:
        """GET /health."""
        del request
        return json({"status": "ok", "models": list(self.models)})

    async def measured(self, request: Request) -> Response:
        """GET /metrics."""
        self.admit(request)
        for name, line in self.lines.items():
            self.metrics.waiting.labels(name).set(len(line))
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def documented(self, request: Request) -> Response:
        """GET /docs."""
        del request
        return HTMLResponse(documents.page(list(self.models), self.limits, bool(self.keys)))

    async def described(self, request: Request) -> Response:
        """GET /openapi.json."""
        del request
        return json(documents.description(self.limits))

    def application(self) -> Starlette:
        """Everything, under its address."""

        @asynccontextmanager
        async def whole(_: Starlette) -> AsyncIterator[None]:
            yield
            for line in self.lines.values():
                line.close()

        routes = [
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
            Route("/embeddings", self.embeddings, methods=["POST"]),
            Route("/v1/models", self.listed),
            Route("/v1/models/{name:path}", self.listed),
            Route("/health", self.health),
            Route("/metrics", self.measured),
            Route("/docs", self.documented),
            Route("/openapi.json", self.described),
        ]
        faults: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
            Fault: told,
            404: astray,
            405: astray,
        }
        return Starlette(routes=routes, exception_handlers=faults, lifespan=whole)


async def while_there(request: Request, work: Coroutine[Any, Any, Reached]) -> Reached:
    """What ``work`` gives; it is given up, and ``ClientDisconnect`` raised, when the client goes away before."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def told(request: Request, fault: Fault) -> Response:
    """A fault in the shape of OpenAI's."""
    del request
    return fault.response()


async def astray(request: Request, error: Any) -> Response:
    """What there is, to who asks for something else."""
    said = f"there is no {request.method} {request.url.path}: there are POST /v1/embeddings, GET /v1/models, /health, "
    return Fault(error.status_code, f"{said}/metrics, /docs").response()


def answered(name: str, vectors: Matrix, tokens: int, encoding: str | None) -> Response:
    """Vectors as OpenAI gives them: lists of numbers, or float32, the lowest byte first, in base64."""
    rows: Any = vectors
    if encoding == "base64":
        rows = [b64encode(row).decode() for row in vectors.astype("<f4", copy=False)]
    data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json({"object": "list", "data": data, "model": name, "usage": usage})


def json(told: Any) -> Response:
    """An answer in JSON."""
    return Response(orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
