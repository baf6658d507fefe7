"""What the layouts of checkpoints call parameters, and the numbers of their configurations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Names:
    """By the names that parameters, or the modules that have weight and bias, have here, those of a layout."""

    prefix: str
    """What all but the head is within, unless it was saved alone."""
    base: Mapping[str, str]
    layer: str
    """What each layer is within, {} its number."""
    parts: Mapping[str, tuple[str, ...]]
    """Of a layer; some are several there, one below the other."""
    head: Mapping[str, str]
    heights_of: Mapping[str, Callable[[Any], list[int]]] | None = None
    """How many rows each of several has, by the shape of the network, where it is not the same number."""

    def of(self, name: str, prefix: str) -> tuple[str, ...]:
        """What a parameter is called there."""
        module, _, kind = name.rpartition(".")
        if name.startswith("layers."):
            _, number, part = module.split(".", 2)
            return tuple(f"{prefix}{self.layer.format(number)}{each}.{kind}" for each in self.parts[part])
        for where, within in ((self.base, prefix), (self.head, "")):
            if name in where:
                return (f"{within}{where[name]}",)
            if module in where:
                return (f"{within}{where[module]}.{kind}",)
        raise KeyError(name)

    def heights(self, name: str, shape: Any) -> list[int] | None:
        """How many rows each of the parameters has that one here is there; None: each the same number."""
        part = name.rpartition(".")[0].split(".", 2)[-1]
        found = (self.heights_of or {}).get(part)
        return None if found is None else found(shape)


def whole(config: Mapping[str, Any], names: Collection[str]) -> dict[str, int]:
    """Numbers that a config.json must say. ``ValueError`` for one that is missing."""
    for name in names:
        if type(config.get(name)) is not int or config[name] < 1:
            raise ValueError(f'config.json: the entry "{name}" is {config.get(name)!r}; a whole number is needed')
    return {name: config[name] for name in names}


def labels(config: Mapping[str, Any]) -> int:
    """How many labels a checkpoint gives texts; 0 for one that gives none."""
    kinds = config.get("architectures") or [""]
    if not str(kinds[0]).endswith("ForSequenceClassification"):
        return 0
    named = config.get("id2label")
    return len(named) if isinstance(named, Mapping) and named else int(config.get("num_labels", 2))
