"""Models behind an API: what was used of them, and what asking would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wordfield.api.models import Model, answering

if TYPE_CHECKING:
    from wordfield.models.service.providers import Kind


def usage() -> dict[str, Any]:
    """What was used of models behind an API: ``path`` and ``bytes`` of the file of vectors that were received,
    ``vectors`` in it, and ``ledger``: objects of day (of UTC), provider, model, requests, texts, tokens, and cost with
    currency, None where the price is not known here.
    """
    from wordfield.models.service.cache import Cache
    from wordfield.models.service.hosted import FILE
    from wordfield.models.service.providers import PROVIDERS
    from wordfield.places import cache_root

    path = cache_root() / FILE
    if not path.exists():
        return {"path": str(path), "bytes": 0, "vectors": 0, "ledger": []}
    cache, ledger = Cache(path), []
    for each in cache.used():
        provider = PROVIDERS.get(each.provider)
        family = None if provider is None else provider.family(each.model)
        price = None if family is None or family.price is None else each.tokens * family.price / 1e6
        ledger.append(
            asdict(each) | {"cost": price, "currency": None if price is None or family is None else family.currency}
        )
    return {"path": str(path), "bytes": path.stat().st_size, "vectors": cache.count(), "ledger": ledger}


def estimate(model: Model, texts: Sequence[str], kind: Kind | None = None, **options: Any) -> dict[str, Any]:
    """What ``embed`` of these texts would take, of a model behind an API, without asking it: texts, distinct, kept
    (those that are on disk already), requests, tokens (about) and cost with currency. ``options``: as of ``load``.
    """
    from wordfield.models.service.hosted import HostedModel

    found = answering(model, **options)
    if not isinstance(found, HostedModel):
        raise ValueError(f"{model} is on this machine and costs nothing; only models behind an API have an estimate")
    return asdict(found.estimate(texts, kind))
