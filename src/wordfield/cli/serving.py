"""The command that serves models over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from wordfield.api.models import Answering, answering
from wordfield.options import Host, Json, Port, Queue, Served
from wordfield.terminal import note, print_json

KEYS = "WORDFIELD_SERVER_KEYS"
"""The variable with the keys that may ask, between commas; with _FILE after it, a file of mode 0600 that has them."""


def serve(
    models: Served,
    /,
    *,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    queue: Queue = 512,
    json: Json = False,
) -> None:
    """Serve models over HTTP as OpenAI's API has them: POST /v1/embeddings, GET /v1/models, /health, /metrics, /docs.
    Ctrl-C ends it, once what was taken is answered.

    With keys in WORDFIELD_SERVER_KEYS, between commas, or in the file that WORDFIELD_SERVER_KEYS_FILE names, only who
    sends one of them may ask.
    """
    try:
        from wordfield.server.questions import Limits
        from wordfield.server.running import bound, serve
    except ImportError as error:
        raise ImportError(
            f"the server needs {error.name}, which is not installed: pip install 'wordfield[serve]'"
        ) from error
    allowed = keys()
    listening = bound(host, port)
    with listening:
        loaded = named(models)
        place, number = listening.getsockname()[:2]
        address = f"http://{f'[{place}]' if ':' in place else place}:{number}"
        if json:
            print_json({"address": address, "models": list(loaded)})
            sys.stdout.flush()
        note(f"{', '.join(loaded)} at {address}/v1, described at {address}/docs; Ctrl-C ends it")
        serve(loaded, listening, Limits(waiting=queue), allowed)


def named(models: list[str]) -> Mapping[str, Answering]:
    """The models, loaded, by the names that they are asked for: NAME=MODEL, or the last part of a path."""
    loaded: dict[str, Answering] = {}
    for each in models:
        name, equals, model = each.partition("=")
        if not equals or Path(each).exists():
            model = each
            name = (
                each.rpartition("#")[2] if "://" in each else Path(each).resolve().name if Path(each).exists() else each
            )
        if not name or name in loaded:
            raise ValueError(f"two models would be called {name!r}: give names, NAME=MODEL")
        loaded[name] = answering(model)
    return loaded


def keys() -> list[str]:
    """The keys that may ask; none: everybody may."""
    from wordfield.models.service.keys import key_given, key_of

    if not key_given(KEYS):
        return []
    found = [key for key in key_of(KEYS).revealed().split(",") if key]
    if not found:
        raise ValueError(f"{KEYS} is set, and there is no key in it")
    return found
