"""What the server says of itself: a page for people, and OpenAPI for programs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from wordfield import __version__
from wordfield.server.questions import Limits

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>wordfield</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222 }}
code, pre {{ font: 14px/1.5 ui-monospace, monospace; background: #f4f4f2; border-radius: 4px }}
code {{ padding: .1em .3em }} pre {{ padding: 1rem; overflow-x: auto }}
td, th {{ text-align: left; padding: .2rem 1.5rem .2rem 0; vertical-align: top }}
</style>
<h1>wordfield {version}</h1>
<p>Vectors of texts, as OpenAI's API has them: clients of OpenAI work with this server as they are.</p>
<h2>Models</h2>
<ul>{models}</ul>
<h2>Ask</h2>
<pre>curl {address} \\
  -H 'Content-Type: application/json' \\{key}
  -d '{{"model": "{first}", "input": ["a text", "another"]}}'</pre>
<p>In Python, with OpenAI's client:</p>
<pre>from openai import OpenAI

client = OpenAI(base_url="http://localhost:8000/v1", api_key="{secret}")
answer = client.embeddings.create(model="{first}", input=["a text", "another"])</pre>
<h2>Parameters</h2>
<table>
<tr><td><code>input</code><td>a text, or a list of up to {inputs:,} texts, together up to {characters:,}
characters; for models with tokens of their own also lists of their ids
<tr><td><code>model</code><td>one of those above
<tr><td><code>encoding_format</code><td><code>float</code> or <code>base64</code> (float32, lowest byte first)
<tr><td><code>dimensions</code><td>only the first so many numbers of each vector
</table>
<h2>Besides</h2>
<table>
<tr><td><code>GET /v1/models</code><td>the models
<tr><td><code>GET /health</code><td>whether the server is there
<tr><td><code>GET /metrics</code><td>counts and times, for Prometheus
<tr><td><code>GET /openapi.json</code><td>this page for programs
</table>
<p>A request is turned away with 429 and <code>Retry-After</code> when {waiting:,} others wait for the same model, and
with 413 when it has more than {body:,} bytes.</p>
"""


def page(models: Sequence[str], limits: Limits, guarded: bool) -> str:
    """The page at /docs."""
    return PAGE.format(
        version=__version__,
        models="".join(f"<li><code>{escape(name)}</code>" for name in models),
        first=escape(models[0]),
        address="http://localhost:8000/v1/embeddings",
        key="\n  -H 'Authorization: Bearer KEY' \\" if guarded else "",
        secret="KEY" if guarded else "none",
        inputs=limits.inputs,
        characters=limits.characters,
        waiting=limits.waiting,
        body=limits.body,
    )


def description(limits: Limits) -> dict[str, Any]:
    """What is at /openapi.json."""
    text, tokens = {"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "integer", "minimum": 0}}
    many = {"type": "array", "items": text, "minItems": 1, "maxItems": limits.inputs}
    question = {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string"},
            "input": {"anyOf": [text, many, tokens, {"type": "array", "items": tokens}]},
            "encoding_format": {"type": "string", "enum": ["float", "base64"], "default": "float"},
            "dimensions": {"type": "integer", "minimum": 1},
            "user": {"type": "string"},
        },
    }
    statuses = {
        "200": "the vectors",
        "400": "a question that cannot be answered",
        "401": "no key, or a wrong one",
        "404": "no such model",
        "413": "too much at once",
        "429": "too many wait: come again after Retry-After",
    }
    asked = {
        "summary": "Vectors of texts",
        "requestBody": {"required": True, "content": {"application/json": {"schema": question}}},
        "responses": {status: {"description": said} for status, said in statuses.items()},
    }
    there = {path: {"get": {"responses": {"200": {"description": said}}}} for path, said in {
        "/v1/models": "the models", "/health": "the server is there", "/metrics": "counts and times",
    }.items()}  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "wordfield", "version": __version__},
        "paths": {"/v1/embeddings": {"post": asked}, **there},
    }
