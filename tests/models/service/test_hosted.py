"""Against a service that really listens, and fails in every way that services do: nothing is lost, nothing is asked
twice, the order is kept, and the key is nowhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stamina

from hosted import DIM, KEY, Service, serving, vector
from wordfield.models.service.cache import Cache
from wordfield.models.service.exchange import ServiceError
from wordfield.models.service.hosted import HostedModel
from wordfield.models.service.providers import PROVIDERS

TEXTS = [f"text number {number}" for number in range(50)]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A key, a cache of its own, and no waiting between two tries, unless a service asks for it."""
    monkeypatch.setenv("WORDFIELD_API_KEY", KEY)
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with stamina.set_testing(True, attempts=10):  # more than there are faults in a test
        yield


def model(service: Service, **options: Any) -> HostedModel:
    return HostedModel.named(service.name, **options)


def right(texts: list[str]) -> np.ndarray:
    return np.array([vector(text) for text in texts], np.float32)


def test_vectors_come_in_the_order_of_the_texts() -> None:
    with serving() as service:
        hosted = model(service, inputs=7)
        assert np.array_equal(hosted.embed(TEXTS), right(TEXTS))
        assert hosted.dim == DIM
        assert len(service.asked) == 8 + 1  # of dim one more
        assert all(len(each["input"]) <= 7 and each["encoding_format"] == "float" for each in service.asked)
        assert all(each["authorization"] == f"Bearer {KEY}" for each in service.headers)


@pytest.mark.parametrize(
    "faults",
    [
        ["429"],
        ["retry-after 0"],
        ["500", "503"],
        ["cut"],
        ["zeros"],
        ["half", "half"],
        ["permuted"] * 9,
        ["reset"],
        ["429", "reset", "half", "cut", "zeros", "permuted", "500"],
    ],
    ids=" ".join,
)
def test_whatever_fails_nothing_is_lost_and_nothing_paid_for_twice(faults: list[str]) -> None:
    with serving(*faults) as service:
        assert np.array_equal(model(service, inputs=8).embed(TEXTS), right(TEXTS))
        assert service.paid == dict.fromkeys(TEXTS, 1)


def test_what_is_too_slow_is_asked_for_again() -> None:
    with serving("slow") as service:
        assert np.array_equal(model(service, timeout=0.5).embed(TEXTS[:3]), right(TEXTS[:3]))
        assert len(service.asked) == 2


def test_the_service_is_given_the_time_it_asks_for() -> None:
    with stamina.set_testing(False), serving("retry-after 1") as service:
        model(service).embed(TEXTS[:1])
        assert service.times[1] - service.times[0] >= 1.0


def test_a_smaller_limit_is_learnt_and_kept() -> None:
    with serving(most=6) as service:
        hosted = model(service, inputs=32, concurrency=1)
        assert np.array_equal(hosted.embed(TEXTS), right(TEXTS))
        assert [len(each["input"]) for each in service.asked[:3]] == [32, 6, 6]
        assert max(len(each["input"]) for each in service.asked[1:]) == 6
        del service.asked[:]
        hosted.embed([text.upper() for text in TEXTS])
        assert max(len(each["input"]) for each in service.asked) == 6
        assert set(service.paid.values()) == {1}


def test_texts_at_fault_are_named_where_they_stood_and_the_others_received() -> None:
    texts = [*TEXTS[:20], "a bad one", *TEXTS[20:40], "a bad one", "another bad one"]
    with serving(bad="bad") as service:
        hosted = model(service, inputs=16)
        with pytest.raises(ServiceError, match=r"texts 20, 41, 42 \('a bad one'\): .*parameter is invalid") as raised:
            hosted.embed(texts)
        assert raised.value.places == [20, 41, 42]
        assert service.paid == dict.fromkeys(TEXTS[:40], 1)
        asked = len(service.asked)
        assert np.array_equal(hosted.embed(TEXTS[:40]), right(TEXTS[:40]))
        assert len(service.asked) == asked


def test_a_request_that_is_wrong_for_all_texts_is_not_tried_with_each() -> None:
    with serving(bad="text") as service:
        with pytest.raises(ServiceError, match="parameter is invalid"):
            model(service, inputs=16, concurrency=1).embed(TEXTS)
        assert len(service.asked) < 15


def test_texts_that_are_alike_are_sent_once_and_never_again() -> None:
    with serving() as service:
        hosted = model(service)
        assert np.array_equal(hosted.embed(TEXTS[:3] * 4), right(TEXTS[:3] * 4))
        assert np.array_equal(model(service).embed(TEXTS[1:3]), right(TEXTS[1:3]))
        assert service.paid == dict.fromkeys(TEXTS[:3], 1)


def test_without_a_cache_nothing_is_kept(tmp_path: Path) -> None:
    with serving() as service:
        model(service, cache=None).embed(TEXTS[:3])
        model(service, cache=None).embed(TEXTS[:3])
        assert set(service.paid.values()) == {2}
    assert not (tmp_path / "cache").exists()


def test_no_more_requests_are_on_their_way_than_agreed() -> None:
    with serving(pause=0.05) as service:
        model(service, inputs=2, concurrency=3).embed(TEXTS)
        assert service.at_once == 3


def test_the_rate_is_kept() -> None:
    with serving() as service:
        begun = time.monotonic()
        model(service, inputs=1, requests_a_minute=600, concurrency=8).embed([f"{n}" for n in range(75)])
        assert time.monotonic() - begun > 1.2  # 60 at once, then ten a second
        assert len(service.asked) == 75


def test_what_is_used_up_is_counted(tmp_path: Path) -> None:
    with serving() as service:
        model(service, inputs=10).embed(TEXTS)
    (used,) = Cache(tmp_path / "cache" / "services.db").used()
    assert (used.requests, used.texts, used.tokens) == (5, 50, 50)


def test_an_estimate_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDFIELD_API_KEY")
    told = HostedModel.named("openai:text-embedding-3-small").estimate(["one two three"] * 3 + ["another"])
    assert (told.texts, told.distinct, told.kept, told.requests) == (4, 2, 0, 1)
    assert told.cost == pytest.approx(told.tokens * 0.02e-6)
    assert HostedModel.named("siliconflow:BAAI/bge-m3").estimate(["a"]).cost is None


def test_questions_are_asked_as_the_model_was_trained() -> None:
    with serving() as service:
        name = service.name.replace("#small", "#BAAI/bge-large-zh-v1.5")
        hosted = HostedModel.named(name, tasks=(("query", "retrieval.query"),))
        hosted.embed(["词"], kind="query")
        hosted.embed(["词"], kind="document")
        hosted.embed(["词"])
        assert [each["input"] for each in service.asked] == [["为这个句子生成表示以用于检索相关文章：词"], ["词"]]
        assert [each.get("task") for each in service.asked] == ["retrieval.query", None]


def test_a_model_that_has_changed_is_noticed() -> None:
    with serving() as service:
        model(service).embed(TEXTS[:2])
        hosted = model(service)
        Cache(hosted.cache).keep(
            [(hosted._digest("short", None), np.ones(3, np.float32))], hosted.provider.name, "small", 1
        )
        with pytest.raises(ValueError, match="vectors of 3 and of 8 numbers"):
            hosted.embed(["short", *TEXTS[:2]])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a", "", "b", " \n"], r"texts 1, 3 \(''\): there is nothing in it"),
        (["a", "\ud800"], "text 1 .*half a character"),
        (["fine", "word " * 9000], "text 1 .*longer than the 8,192 tokens"),
    ],
)
def test_texts_that_cannot_be_sent_are_named_before_anything_is(texts: list[str], said: str) -> None:
    with serving() as service:
        with pytest.raises(ValueError, match=said):
            model(service).embed(texts)
        assert service.asked == []


def test_long_texts_are_cut_where_that_is_asked_for() -> None:
    with serving() as service:
        model(service, truncate=True).embed(["word " * 9000])
        assert 30_000 < len(service.asked[0]["input"][0]) < 45_000


def test_a_null_byte_is_a_character() -> None:
    with serving(bad="bad") as service:
        assert np.array_equal(model(service).embed(["a\0b"]), right(["a\0b"]))


@pytest.mark.parametrize("texts", ["one text", [1], [None]])
def test_only_lists_of_texts_are_taken(texts: Any) -> None:
    with pytest.raises(TypeError):
        HostedModel.named("openai:small").embed(texts)


def test_no_texts_have_no_vectors() -> None:
    assert HostedModel.named("openai:small", dimensions=5).embed([]).shape == (0, 5)


@pytest.mark.parametrize("name", [name for name, each in PROVIDERS.items() if each.variable])
def test_without_a_key_the_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = PROVIDERS[name]
    monkeypatch.delenv(provider.variable, raising=False)
    monkeypatch.delenv(f"{provider.variable}_FILE", raising=False)
    with pytest.raises(ValueError, match=f"set {provider.variable}.*{provider.keys_at}"):
        HostedModel.named(f"{name}:some-model").embed(["text"])


def test_a_service_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDFIELD_API_KEY")
    with serving() as service:
        model(service).embed(["a"])
        assert "authorization" not in service.headers[0]


def test_nobody_there_is_an_error_that_says_where() -> None:
    with serving() as service:
        name = service.name
    with pytest.raises(ServiceError, match=r"no answer from http://127\.0\.0\.1"):
        HostedModel.named(name).embed(["a"])


def test_what_is_stopped_keeps_what_has_come() -> None:
    def stop(done: int, total: int, **_: Any) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with serving(pause=0.01) as service:
        with pytest.raises(KeyboardInterrupt):
            model(service, inputs=2).embed(TEXTS, progress=stop)
        assert 20 <= sum(service.paid.values()) < 50
        model(service).embed(TEXTS)
        assert service.paid == dict.fromkeys(TEXTS, 1)


def test_the_key_is_nowhere(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    with serving("429", "reset", "") as service:
        hosted = model(service)
        hosted.embed(TEXTS)
        said += [repr(hosted), repr(hosted._exchange), str(hosted.info()), repr(vars(hosted))]
    with serving("401") as service:
        with pytest.raises(ServiceError, match="401") as raised:
            model(service).embed(TEXTS)
        said += [str(raised.value), repr(raised.value)]
    said += [str(record.__dict__) + record.getMessage() for record in caplog.records]
    assert caplog.records
    assert not any(KEY in each for each in said)
    kept = [file.read_bytes() for file in (tmp_path / "cache").iterdir()]
    assert kept
    assert not any(KEY.encode() in each for each in kept)
