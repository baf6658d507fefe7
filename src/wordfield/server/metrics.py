"""What the server counts, for Prometheus."""

from __future__ import annotations

from typing import Any, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@final
class Metrics:
    """Of one server; each has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        asked: dict[str, Any] = {"registry": self.registry, "namespace": "wordfield"}
        self.requests = Counter(
            "requests", "Requests for embeddings, by the status answered.", ["model", "status"], **asked
        )
        self.texts = Counter("texts", "Texts that vectors were made of.", ["model"], **asked)
        self.tokens = Counter("tokens", "Tokens of these texts.", ["model"], **asked)
        self.seconds = Histogram(
            "request_seconds", "From a whole request to its answer.", ["model"], buckets=SECONDS, **asked
        )
        self.waiting = Gauge("waiting_requests", "Requests that wait for a model.", ["model"], **asked)

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self.registry)
