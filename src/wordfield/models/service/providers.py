"""Services that make vectors of texts, as data: where they are, what they call a key, what they take at once.

Numbers are those that the services publish, or answer with when asked for more; a client learns smaller ones as it
goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Dialect = Literal["openai", "ollama"]


@dataclass(frozen=True)
class Provider:
    """What is to be known of a service before anything is sent."""

    name: str
    address: str
    """Without the ending, /embeddings."""
    variable: str = ""
    """The environment variable of the key; empty: none is needed."""
    keys_at: str = ""
    """Where keys are made."""
    dialect: Dialect = "openai"
    """What requests and answers look like."""
    inputs: int = 32
    """Texts in a request, at most."""
    tokens: int = 0
    """Tokens in a request, at most; 0: as many as the texts have."""
    longest: int = 8192
    """Tokens in a text, at most, where ``lengths`` does not say otherwise."""
    lengths: tuple[tuple[str, int], ...] = ()
    """Beginnings of models' names, and the tokens that a text may have there."""
    encoding: Literal["float", "base64"] = "float"
    """How numbers are asked for, always in so many words: servers disagree on what nothing means."""

    def tokens_of(self, model: str) -> int:
        """Tokens that a text may have for ``model``."""
        return next((most for beginning, most in self.lengths if model.startswith(beginning)), self.longest)


_BGE = (("BAAI/bge-large", 512), ("netease-youdao/bce", 512), ("Qwen/Qwen3-Embedding", 32768))

PROVIDERS: dict[str, Provider] = {
    each.name: each
    for each in (
        Provider("siliconflow", "https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY",
                 "https://cloud.siliconflow.cn/account/ak", lengths=_BGE),
        Provider("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "https://platform.openai.com/api-keys",
                 inputs=2048, tokens=300_000, encoding="base64"),
        Provider("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
                 "https://bailian.console.aliyun.com", inputs=10),
        Provider("jina", "https://api.jina.ai/v1", "JINA_API_KEY", "https://jina.ai/embeddings", inputs=512),
        Provider("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "https://console.mistral.ai/api-keys",
                 inputs=512),
        Provider("ollama", "http://localhost:11434/api", dialect="ollama"),
        Provider("vllm", "http://localhost:8000/v1"),
        Provider("tei", "http://localhost:8080/v1"),
        Provider("infinity", "http://localhost:7997"),
    )
}  # fmt: skip
"""Name, as it stands before the colon in siliconflow:BAAI/bge-m3 -> what is known of the service."""

SCHEMES = ("http", "https")
ANY = "WORDFIELD_API_KEY"
"""The variable of the key for a service that only its address names; it may be unset."""


def is_service(name: str) -> bool:
    """Whether ``name`` means a model behind an API, siliconflow:BAAI/bge-m3 or http://host/v1#model, and no file."""
    return name.partition(":")[0] in (*PROVIDERS, *SCHEMES)


def service_of(name: str) -> tuple[Provider, str]:
    """The service and the name of its model; ``ValueError`` that says what is missing."""
    before, _, after = name.partition(":")
    if before in SCHEMES:
        address, _, model = name.partition("#")
        parts = urlsplit(address)
        if not parts.hostname or parts.query:
            raise ValueError(f"{address} is no address of a service: give http://host:port/v1#model")
        if parts.username or parts.password:
            raise ValueError("a key does not belong in an address, where it is logged: set " + ANY)
        if not model:
            raise ValueError(f"{name}: which model? Name it after #, {address}#model")
        return Provider(parts.netloc, address.rstrip("/"), ANY), model
    if before not in PROVIDERS:
        raise ValueError(f"unknown service {before!r}; known: {', '.join(PROVIDERS)}, or http://host:port/v1#model")
    if not after:
        raise ValueError(f"{name}: which model? Name it after the colon, {before}:model")
    return PROVIDERS[before], after
