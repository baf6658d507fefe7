"""A request is sent again where that may help, as late as the service asks, and no error tells the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import httpx2
import numpy as np
import pytest
import stamina

from wordfield.models.service.exchange import Exchange, Refused, ServiceError
from wordfield.models.service.keys import Key
from wordfield.models.service.providers import PROVIDERS

SECRET = "sk-very-secret-4711"
LIMIT = {"code": 20042, "message": "input batch size 83 > maximum allowed batch size 64", "data": None}


@pytest.fixture(autouse=True)
def no_waiting() -> object:
    with stamina.set_testing(True, attempts=3):
        yield


def right(request: httpx2.Request) -> httpx2.Response:
    texts = json.loads(request.content)["input"]
    data = [{"index": place, "embedding": [place + 1.0, 2.0]} for place in range(len(texts))]
    return httpx2.Response(200, json={"data": data, "usage": {"total_tokens": 5}})


def asking(
    *answers: Callable[[httpx2.Request], httpx2.Response] | httpx2.Response,
) -> tuple[Exchange, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        return answer(request) if callable(answer) else answer

    made = Exchange(PROVIDERS["siliconflow"], "BAAI/bge-m3", Key(SECRET), transport=httpx2.MockTransport(handle))
    return made, seen


def asked(exchange: Exchange, *texts: str) -> dict[int, list[float]]:
    came: dict[int, list[float]] = {}

    def keep(vectors: Mapping[int, np.ndarray], _: int) -> None:
        assert not came.keys() & vectors.keys()  # nothing is paid for twice
        came.update({place: vector.tolist() for place, vector in vectors.items()})

    exchange.ask(texts, [2] * len(texts), keep)
    return came


def reset(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadError(f"connection reset {SECRET}", request=request)


def test_what_is_sent() -> None:
    exchange, seen = asking(right)
    assert asked(exchange, "a", "b") == {0: [1.0, 2.0], 1: [2.0, 2.0]}
    (request,) = seen
    assert str(request.url) == "https://api.siliconflow.cn/v1/embeddings"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert json.loads(request.content) == {"model": "BAAI/bge-m3", "input": ["a", "b"], "encoding_format": "float"}


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.Response(429, headers={"retry-after": "1"}),
        httpx2.Response(429, json={"message": "TPM limit reached.", "data": None}),
        httpx2.Response(500),
        httpx2.Response(200, content=b'{"data": [{"index": 0, "embed'),
        reset,
    ],
)
def test_what_passes_is_asked_again(fault: object) -> None:
    exchange, seen = asking(fault, right)  # type: ignore[arg-type]
    assert asked(exchange, "a") == {0: [1.0, 2.0]}
    assert len(seen) == 2


def test_what_does_not_pass_is_said_in_the_end_without_the_key() -> None:
    exchange, seen = asking(reset)
    with pytest.raises(ServiceError, match="siliconflow: no answer") as raised:
        asked(exchange, "a")
    assert len(seen) == 3
    assert SECRET not in f"{raised.value}{exchange!r}"


def test_a_refusal_is_not_repeated_and_told_in_the_words_of_the_service() -> None:
    exchange, seen = asking(httpx2.Response(413, json=LIMIT))
    with pytest.raises(Refused, match="maximum allowed batch size 64"):
        asked(exchange, "a")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(401, text=f"Incorrect API key provided: {SECRET}"), "SILICONFLOW_API_KEY right"),
        (httpx2.Response(404, text="no"), "the model BAAI/bge-m3"),
        (httpx2.Response(302, headers={"location": "https://elsewhere.example"}), "302"),
        (httpx2.Response(429, headers={"retry-after": "3600"}), "wait 3,600 seconds"),
    ],
)
def test_what_cannot_help_is_not_repeated(answer: httpx2.Response, said: str) -> None:
    exchange, seen = asking(answer)
    with pytest.raises(ServiceError, match=said) as raised:
        asked(exchange, "a")
    assert len(seen) == 1
    assert SECRET not in str(raised.value)


def test_of_half_an_answer_only_the_rest_is_asked_for_again() -> None:
    half = {"data": [{"index": 2, "embedding": [9.0, 9.0]}, {"index": 0, "embedding": [0.0, 0.0]}]}
    exchange, seen = asking(httpx2.Response(200, json=half), right)
    assert asked(exchange, "a", "b", "c") == {2: [9.0, 9.0], 0: [1.0, 2.0], 1: [2.0, 2.0]}
    assert json.loads(seen[1].content)["input"] == ["a", "b"]


def test_a_vector_that_never_comes_is_named() -> None:
    zeros = {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [0.0]}]}
    exchange, seen = asking(httpx2.Response(200, json=zeros), httpx2.Response(200, json={"data": zeros["data"][:0]}))
    with pytest.raises(ServiceError, match="no vector came") as raised:
        asked(exchange, "a", "b")
    assert raised.value.places == [1]
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("openai", {"encoding_format": "base64", "dimensions": 64}),
        ("jina", {"embedding_type": "float", "dimensions": 64}),
        ("mistral", {"encoding_format": "float", "output_dimension": 64}),
        ("ollama", {"truncate": False, "dimensions": 64}),
    ],
)
def test_each_service_is_asked_in_its_own_words(name: str, more: dict[str, object]) -> None:
    question = Exchange(PROVIDERS[name], "m", dimensions=64).question(["a"])
    assert question == {"model": "m", "input": ["a"]} | more
