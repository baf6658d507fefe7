"""Why embeddings matter, on a dozen sentences: what one-hot codes, counts, Word2Vec, fastText and a model behind an API
make of them.

    python examples/embed.py                        # local models, and the recorded answer of a hosted one
    SILICONFLOW_API_KEY=... python examples/embed.py
    python examples/embed.py --hosted openai:text-embedding-3-small --out alike.png

Three questions are put to each model: does it find the sentence that means the same in other words, the one that is
misspelt, and does it tell two senses of a word apart? The local models learn from the documentation inside your Python.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

import wordfield as wf

SENTENCES = [
    "remove an item from the list",
    "delete elements of a sequence",
    "delting elemnts from seqences",
    "wait one second",
    "the second column",
    "pause for a few minutes",
    "open the file and read every line",
    "load text stored on disk",
    "convert a date to month and day",
    "parse the timestamp of a calendar entry",
    "the sine and cosine of an angle",
    "encrypt data using a password",
]
MEANT, SAID_OTHERWISE, MISSPELT = 0, 1, 2
ONE_SECOND, SECOND_COLUMN, MINUTES = 3, 4, 5
EXPLAINED = f"""
said otherwise: the place of '{SENTENCES[SAID_OTHERWISE]}' among 11 in the order of their similarity to
'{SENTENCES[MEANT]}'; misspelt: the same for '{SENTENCES[MISSPELT]}'. 1 is right.
two senses: is '{SENTENCES[ONE_SECOND]}' nearer to '{SENTENCES[MINUTES]}' than to '{SENTENCES[SECOND_COLUMN]}'?"""
RECORDED = Path(__file__).parent / "recorded" / "all-MiniLM-L6-v2.json"
HOSTED = "siliconflow:BAAI/bge-m3"
KEY = "SILICONFLOW_API_KEY"


def similarities(vectors: np.ndarray) -> np.ndarray:
    """The cosine of each sentence with each, (12, 12)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    return directions @ directions.T


def local() -> Iterator[tuple[str, Any]]:
    """Models that are trained here and now."""
    corpus = wf.Corpus("builtin:python-docs")
    yield "one-hot", wf.OneHot(min_count=1).fit(corpus)
    yield "co-occurrence", wf.Cooccurrence(window=5).fit(corpus)
    yield "Word2Vec", wf.Word2Vec(dim=100, epochs=30, subsample=1e-3, seed=1).fit(corpus)
    yield "fastText", wf.FastText(dim=100, epochs=10, subsample=1e-4, seed=1).fit(corpus)


@contextmanager
def replaying(recorded: Path) -> Iterator[str]:
    """The name of a model that a service on this machine answers for, from what another one answered once."""
    told = json.loads(recorded.read_text("utf-8"))

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
            data = [{"index": place, "embedding": told["vectors"][text]} for place, text in enumerate(texts)]
            body = json.dumps({"object": "list", "model": told["model"], "data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1#{told['model']}"
    finally:
        server.shutdown()
        server.server_close()


def answers(cosines: np.ndarray) -> dict[str, Any]:
    """What a model makes of the three questions: places in the order of similarity, 1 the nearest, and two cosines."""

    def place(one: int, other: int) -> int:
        nearer = cosines[one] > cosines[one, other]
        nearer[one] = False
        return 1 + int(nearer.sum())

    return {
        "said otherwise": place(MEANT, SAID_OTHERWISE),
        "misspelt": place(MISSPELT, SAID_OTHERWISE),
        "same word": float(cosines[ONE_SECOND, SECOND_COLUMN]),
        "same sense": float(cosines[ONE_SECOND, MINUTES]),
    }


def row(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    sense = "yes" if found["same sense"] > found["same word"] else "no"
    return (
        f"{name:26} {found['said otherwise']:>14} {found['misspelt']:>14}   "
        f"{sense:4} ({found['same sense']:.2f} : {found['same word']:.2f})"
    )


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Ask all models, print the table, draw the heat maps; what each made of the questions, by name."""
    parser = argparse.ArgumentParser(description="Why embeddings matter, on a dozen sentences.")
    parser.add_argument("--hosted", action="append", help=f"a model behind an API [{HOSTED}, where {KEY} is set]")
    parser.add_argument("--out", type=Path, help="a picture, .png, .svg or .pdf: the similarities as heat maps")
    options = parser.parse_args(arguments)
    names = options.hosted or ([HOSTED] if os.environ.get(KEY) else [])

    print(f"{'':26} {'said otherwise':>14} {'misspelt':>14}   two senses")
    found, panels = {}, {}
    with replaying(RECORDED) as recorded:
        hosted = [(recorded.rpartition("#")[2] + ", recorded", recorded), *((name, name) for name in names)]
        for name, model in (*local(), *((name, wf.load(there)) for name, there in hosted)):
            cosines = similarities(model.embed(SENTENCES))
            found[name] = answers(cosines)
            print(row(name, found[name]), flush=True)
            panels[name] = cosines
    print(EXPLAINED)
    if options.out is not None:
        from wordfield.plots import heat_maps

        heat_maps(panels, SENTENCES, options.out)
    return found


if __name__ == "__main__":
    main()
