"""Services that make vectors of texts, as data: where they are, what they call a key, what they take at once.

Numbers are those that the services publish, or answer with when asked for more; a client learns smaller ones as it
goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Dialect = Literal["openai", "ollama"]
Kind = Literal["query", "document"]


@dataclass(frozen=True)
class Family:
    """What is to be known of models whose names begin alike."""

    beginning: str = ""
    longest: int = 8192
    """Tokens in a text, at most."""
    query: str = ""
    """What stands before a text that is a question."""
    document: str = ""
    """What stands before a text that answers."""
    price: float | None = None
    """Of a million tokens; None: not known here."""
    currency: str = "USD"


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
    requests_a_minute: int = 0
    """0: as many as there are."""
    tokens_a_minute: int = 0
    encoding: Literal["float", "base64"] = "float"
    """How numbers are asked for, always in so many words: servers disagree on what nothing means."""
    encoding_name: str = "encoding_format"
    """What the parameter for that is called."""
    dimensions_name: str = "dimensions"
    """What the parameter for shorter vectors is called."""
    tasks: tuple[tuple[Kind, str], ...] = ()
    """What the parameter "task" says of a question and of what answers it, where there is such a parameter."""
    families: tuple[Family, ...] = ()

    def family(self, model: str) -> Family:
        """What is known of ``model``."""
        return next((each for each in self.families if model.startswith(each.beginning)), Family())


# Prompts are those that the models were trained with, as their cards say.
_INSTRUCTED = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
_OPEN = (
    Family("BAAI/bge-large-zh", 512, query="为这个句子生成表示以用于检索相关文章："),
    Family("BAAI/bge-large-en", 512, query="Represent this sentence for searching relevant passages: "),
    Family("BAAI/bge-m3"),
    Family("netease-youdao/bce", 512),
    Family("Qwen/Qwen3-Embedding", 32768, query=_INSTRUCTED),
)

PROVIDERS: dict[str, Provider] = {
    each.name: each
    for each in (
        Provider("siliconflow", "https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY",
                 "https://cloud.siliconflow.cn/account/ak", requests_a_minute=2000, tokens_a_minute=500_000,
                 families=_OPEN),
        Provider("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "https://platform.openai.com/api-keys",
                 inputs=2048, tokens=300_000, encoding="base64",
                 families=(Family("text-embedding-3-small", 8192, price=0.02),
                           Family("text-embedding-3-large", 8192, price=0.13))),
        Provider("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
                 "https://bailian.console.aliyun.com", inputs=10,
                 families=(Family("text-embedding-v4", 8192, price=0.5, currency="CNY"),
                           Family("text-embedding-v2", 2048), Family("text-embedding-v1", 2048))),
        Provider("jina", "https://api.jina.ai/v1", "JINA_API_KEY", "https://jina.ai/embeddings", inputs=512,
                 encoding_name="embedding_type",
                 tasks=(("query", "retrieval.query"), ("document", "retrieval.passage"))),
        Provider("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "https://console.mistral.ai/api-keys",
                 inputs=512, dimensions_name="output_dimension"),
        Provider("ollama", "http://localhost:11434/api", dialect="ollama"),
        Provider("vllm", "http://localhost:8000/v1", families=_OPEN),
        Provider("tei", "http://localhost:8080/v1", families=_OPEN),
        Provider("infinity", "http://localhost:7997", families=_OPEN),
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
        return Provider(parts.netloc, address.rstrip("/"), ANY, families=_OPEN), model
    if before not in PROVIDERS:
        raise ValueError(f"unknown service {before!r}; known: {', '.join(PROVIDERS)}, or http://host:port/v1#model")
    if not after:
        raise ValueError(f"{name}: which model? Name it after the colon, {before}:model")
    return PROVIDERS[before], after
