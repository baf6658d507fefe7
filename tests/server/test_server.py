"""The server as its clients meet it: OpenAI's own, LangChain's, curl, and ours, against `wordfield serve` as it is."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

import wordfield as wf
from hosted import KEY, serving, vector
from wordfield.models.service.hosted import HostedModel

openai = pytest.importorskip("openai")

WORDS = ["king", "queen", "man", "woman", "apple", "苹果"]
KEYS = "first-key,second-key"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of six words in 16 dimensions."""
    path = tmp_path_factory.mktemp("served") / "small"
    rows = np.random.default_rng(3).standard_normal((6, 16)).astype(np.float32)
    lines = [" ".join([word, *map(repr, row.tolist())]) for word, row in zip(WORDS, rows, strict=True)]
    path.with_suffix(".txt").write_text("6 16\n" + "\n".join(lines) + "\n", "utf-8")
    wf.load(path.with_suffix(".txt")).save(path)
    return path


@contextmanager
def running(*arguments: object, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`wordfield serve` at a port that is free, and its address."""
    command = [sys.executable, "-m", "wordfield", "serve", *map(str, arguments), "--port", "0", "--json"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("WORDFIELD_SERVER")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables | environment
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()
        yield json.loads(line)["address"], process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with running(folder, f"again={folder}") as (address, _):
        yield address


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        yield client


def ask(client: httpx2.Client, address: str, **body: Any) -> httpx2.Response:
    return client.post(f"{address}/v1/embeddings", json={"model": "small"} | body)


TEXTS = ["king and queen", "苹果 apple", "man"]


def test_openais_client(address: str, folder: Path) -> None:
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none")
    expected = wf.load(folder).embed(TEXTS)
    for options in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}, {"user": "me"}):
        answer = client.embeddings.create(model="small", input=TEXTS, **options)
        rows = [each.embedding for each in answer.data]
        if options.get("encoding_format") == "base64":
            rows = [np.frombuffer(base64.b64decode(row), "<f4") for row in rows]
        assert np.array_equal(np.array(rows, np.float32), expected)
        assert answer.usage.prompt_tokens == 6
        assert [each.index for each in answer.data] == [0, 1, 2]
    one = client.embeddings.create(model="again", input="man", dimensions=5)
    assert np.array_equal(np.array(one.data[0].embedding, np.float32), expected[2, :5])
    assert [each.id for each in client.models.list()] == ["small", "again"]
    assert client.models.retrieve("again").id == "again"
    client.close()


def test_openais_client_is_told_what_is_wrong(address: str) -> None:
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.NotFoundError, match="there are: small, again") as missing:
        client.embeddings.create(model="large", input="a")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="input 1 is empty") as empty:
        client.embeddings.create(model="small", input=["a", ""])
    assert empty.value.param == "input"
    client.close()


@pytest.mark.filterwarnings("ignore")
def test_langchain(address: str, folder: Path) -> None:
    langchain = pytest.importorskip("langchain_openai")
    asked = langchain.OpenAIEmbeddings(
        model="small", base_url=f"{address}/v1", api_key="none", check_embedding_ctx_length=False
    )
    expected = wf.load(folder).embed(TEXTS)
    assert np.allclose(asked.embed_documents(TEXTS), expected, atol=1e-7)
    assert np.allclose(asked.embed_query(TEXTS[0]), expected[0], atol=1e-7)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_curl(address: str, folder: Path) -> None:
    command = ["curl", "-sS", "--noproxy", "*", f"{address}/v1/embeddings", "-H", "Content-Type: application/json"]
    ran = subprocess.run(
        [*command, "-d", '{"model": "small", "input": "king and queen"}'], check=True, capture_output=True
    )
    row = json.loads(ran.stdout)["data"][0]["embedding"]
    assert np.array_equal(np.array(row, np.float32), wf.load(folder).embed(["king and queen"])[0])


def test_our_own_client(address: str, folder: Path, tmp_path: Path) -> None:
    for encoding in ("float", "base64"):
        hosted = HostedModel.named(f"{address}/v1#small", encoding=encoding, cache=tmp_path / f"{encoding}.db")
        assert np.array_equal(hosted.embed(TEXTS), wf.load(folder).embed(TEXTS))


def test_many_at_once_get_what_is_theirs(address: str, folder: Path) -> None:
    asked = [[" ".join(WORDS[(n + k) % 6] for k in range(n % 4 + 1)) for _ in range(n % 3 + 1)] for n in range(200)]
    expected = wf.load(folder)
    with httpx2.Client(trust_env=False, timeout=30) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda texts: ask(client, address, input=texts).json(), asked))
    for texts, answer in zip(asked, answers, strict=True):
        rows = np.array([each["embedding"] for each in answer["data"]], np.float32)
        assert np.array_equal(rows, expected.embed(texts))
        assert answer["usage"]["total_tokens"] == sum(len(text.split()) for text in texts)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{not json", 400, "no valid JSON"),
        (b'"text"', 400, "Expected `object`"),
        (b'{"input": "a"}', 400, "required field `model`"),
        (b'{"model": "small"}', 400, "required field `input`"),
        (b'{"model": 5, "input": "a"}', 400, "Expected `str`, got `int` in model"),
        (b'{"model": "small", "input": 5}', 400, "input"),
        (b'{"model": "small", "input": {"a": 1}}', 400, "input"),
        (b'{"model": "small", "input": [1.5]}', 400, "input"),
        (b'{"model": "small", "input": ["a", 1]}', 400, "lists of one kind"),
        (b'{"model": "small", "input": []}', 400, "nothing in input"),
        (b'{"model": "small", "input": [[]]}', 400, "input 0 is empty"),
        (b'{"model": "small", "input": ""}', 400, "input 0 is empty"),
        (b'{"model": "small", "input": "a", "encoding_format": "int8"}', 400, "encoding_format"),
        (b'{"model": "small", "input": "a", "dimensions": 0}', 400, "1 or more"),
        (b'{"model": "small", "input": "a", "dimensions": 17}', 400, "have 16"),
        (b'{"model": "small", "input": [1, 2]}', 400, "check_embedding_ctx_length=False"),
        (b'{"model": "small", "input": "\xff"}', 400, "JSON"),
        (b'{"model": "large", "input": "a"}', 404, "there are: small, again"),
        (b'{"model": "small", "input": "' + b"a" * 2_000_001 + b'"}', 413, "2,000,000"),
    ],
)
def test_what_cannot_be_answered_is_told_in_openais_shape(
    client: httpx2.Client, address: str, body: bytes, status: int, said: str
) -> None:
    answer = client.post(f"{address}/v1/embeddings", content=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert said in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


def test_too_many_inputs_name_the_limit_that_our_client_learns(client: httpx2.Client, address: str) -> None:
    answer = ask(client, address, input=["a"] * 100_000)
    assert answer.status_code == 400
    assert "at most 2048 inputs" in answer.json()["error"]["message"]
    hosted = HostedModel.named(f"{address}/v1#small", inputs=5000, cache=None, concurrency=1)
    texts = [f"king {number}" for number in range(5000)]
    assert hosted.embed(texts).shape == (5000, 16)


def test_a_body_that_is_too_long_is_not_read_to_its_end(client: httpx2.Client, address: str) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"model": "small", "input": "'
        for _ in range(40):
            yield b"a" * (1 << 20)

    try:
        status = client.post(f"{address}/v1/embeddings", content=parts()).status_code
    except (httpx2.WriteError, httpx2.ReadError):  # the server has hung up on the rest
        status = 413
    assert status == 413
    assert client.get(f"{address}/health").status_code == 200


def test_a_null_byte_is_a_character(client: httpx2.Client, address: str) -> None:
    assert ask(client, address, input="king\0queen").status_code == 200


def test_clients_that_go_away_harm_nobody(client: httpx2.Client, address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    body = json.dumps({"model": "small", "input": ["king"] * 2000}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head, head + body[:100], head + body):
        for _ in range(10):
            with socket.create_connection((host, int(port))) as line:
                line.sendall(sent)
    assert ask(client, address, input="king").status_code == 200


def test_health_metrics_and_documents(client: httpx2.Client, address: str) -> None:
    ask(client, address, input=["king", "queen"])
    assert client.get(f"{address}/health").json() == {"status": "ok", "models": ["small", "again"]}
    metrics = client.get(f"{address}/metrics").text
    for name in (
        'wordfield_requests_total{model="small",status="200"}',
        'wordfield_texts_total{model="small"}',
        'wordfield_tokens_total{model="small"}',
        'wordfield_request_seconds_bucket{le="0.001",model="small"}',
        'wordfield_waiting_requests{model="small"} 0.0',
    ):
        assert name in metrics
    page = client.get(f"{address}/docs").text
    assert "<code>small</code>" in page
    assert "http" not in page.replace("http://localhost", "")
    described = client.get(f"{address}/openapi.json").json()
    assert "/v1/embeddings" in described["paths"]
    astray = client.get(f"{address}/v1/chat/completions")
    assert (astray.status_code, "POST /v1/embeddings" in astray.json()["error"]["message"]) == (404, True)
    assert client.get(f"{address}/v1/embeddings").status_code == 405


def test_only_who_has_a_key_may_ask(client: httpx2.Client, folder: Path, tmp_path: Path) -> None:
    with running(folder, WORDFIELD_SERVER_KEYS=KEYS) as (address, _):
        assert ask(client, address, input="king").status_code == 401
        assert client.get(f"{address}/health").status_code == 200
        assert client.get(f"{address}/metrics").status_code == 401
        for key, status in (("first-key", 200), ("second-key", 200), ("first", 401), (KEYS, 401)):
            client.headers["Authorization"] = f"Bearer {key}"
            assert ask(client, address, input="king").status_code == status
        client.headers["Authorization"] = "Basic first-key"
        answer = ask(client, address, input="king")
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_two_servers_do_not_share_a_port(address: str, folder: Path) -> None:
    port = address.rpartition(":")[2]
    command = [sys.executable, "-m", "wordfield", "serve", str(folder), "--port", port]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert f"error: port {port} of 127.0.0.1 is in use" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_was_taken_is_answered_before_it_stops(folder: Path, how: signal.Signals) -> None:
    texts = ["king and queen " * 30] * 2000
    with running(folder) as (address, process), httpx2.Client(trust_env=False, timeout=60) as client:
        with ThreadPoolExecutor(3) as pool:
            asked = [pool.submit(ask, client, address, input=texts, encoding_format="base64") for _ in range(3)]
            while 'status="200"' not in client.get(f"{address}/metrics").text and not asked[0].done():
                if any(line.endswith(" 1.0") for line in client.get(f"{address}/metrics").text.splitlines()
                       if line.startswith("wordfield_waiting")):  # fmt: skip
                    break
                time.sleep(0.005)
            process.send_signal(how)
            assert [len(each.result().json()["data"]) for each in asked] == [2000] * 3
        process.wait(30)
        assert process.returncode in ((0,) if how == signal.SIGINT else (0, -signal.SIGTERM))


def test_tokens_of_the_models_own_are_text_again(client: httpx2.Client, tmp_path: Path) -> None:
    lines = ["the king rules the land", "the queen rules the land", "a cat drinks milk"] * 30
    wf.api.subwords(lines, tmp_path / "tokenizer.json", size=80)
    corpus = wf.Corpus(lines, tokenizer=tmp_path / "tokenizer.json")
    model = wf.OneHot().fit(corpus)
    model.save(tmp_path / "pieces")
    pieces = model.tokenizer.pieces
    ids = [pieces.listed().index(piece) for piece in model.tokenizer.tokenize("the king drinks")]
    with running(tmp_path / "pieces") as (address, _):
        for given in (ids, [ids, ids]):
            answer = client.post(f"{address}/v1/embeddings", json={"model": "pieces", "input": given}).json()
            row = np.array(answer["data"][-1]["embedding"], np.float32)
            assert np.array_equal(row, model.embed(["the king drinks"])[0])
        wrong = client.post(f"{address}/v1/embeddings", json={"model": "pieces", "input": [10**6]})
        assert (wrong.status_code, "the token 1000000" in wrong.text) == (400, True)


def test_a_model_behind_an_api_is_served_too(client: httpx2.Client, tmp_path: Path) -> None:
    cache = {"WORDFIELD_CACHE": str(tmp_path), "WORDFIELD_API_KEY": KEY}
    with serving(bad="bad") as service, running(f"proxy={service.name}", **cache) as (address, _):
        for _ in range(2):
            answer = ask(client, address, model="proxy", input=["one", "two"]).json()
            rows = np.array([each["embedding"] for each in answer["data"]], np.float32)
            assert np.array_equal(rows, np.array([vector("one"), vector("two")], np.float32))
        assert service.paid == {"one": 1, "two": 1}
        refused = ask(client, address, model="proxy", input=["fine", "bad"])
        assert refused.status_code == 502
        assert "The parameter is invalid" in refused.json()["error"]["message"]
        assert KEY not in refused.text
