"""The tokens that are no text, of a network that reads in both directions: where they stand in its table.

Families call them differently: [CLS] and [SEP], [MASK], [PAD] in BERT's vocabularies, <s>, </s>, <mask>, <pad> in
RoBERTa's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = {
    "begin": ("[CLS]", "<s>"),
    "end": ("[SEP]", "</s>"),
    "mask": ("[MASK]", "<mask>"),
    "pad": ("[PAD]", "<pad>"),
    "unknown": ("[UNK]", "<unk>"),
}
"""What each is called, of which the first is looked for first."""
SAID = {
    "begin": ("cls_token_id", "bos_token_id"),
    "end": ("sep_token_id", "eos_token_id"),
    "mask": ("mask_token_id",),
    "pad": ("pad_token_id",),
    "unknown": ("unk_token_id",),
}
"""Where a config.json says the row of one that has none of these names."""


@dataclass(frozen=True)
class Specials:
    """The rows of the tokens that are no text."""

    begin: int
    """Before each text."""
    end: int
    """Behind each text."""
    mask: int | None
    """In the place of a token that is to be guessed."""
    pad: int | None
    unknown: int | None

    @classmethod
    def of(cls, words: Sequence[str], config: Mapping[str, Any]) -> Specials:
        """Those of a vocabulary, by their names, or by what its config.json says. ``ValueError`` where there is nothing
        that begins or ends a text.
        """
        rows = {name: row for row, name in reversed([*enumerate(words)]) if name[:1] in "[<"}
        found: dict[str, int | None] = {}
        for which, names in NAMES.items():
            told = (config.get(each) for each in SAID[which])
            said = next((row for row in told if type(row) is int and 0 <= row < len(words)), None)
            found[which] = next((rows[name] for name in names if name in rows), said)
        lacking = [which for which in ("begin", "end") if found[which] is None]
        if lacking:
            raise ValueError(
                f"none of the {len(words)} tokens {lacking[0]}s a text: there is neither "
                f"{' nor '.join(NAMES[lacking[0]])}, and the config.json has no {SAID[lacking[0]][0]!r}; give the "
                "tokenizer that belongs to the network"
            )
        return cls(**found)  # type: ignore[arg-type]

    def needed(self, which: str) -> int:
        """The row of one of them. ``ValueError`` where the vocabulary lacks it."""
        row: int | None = getattr(self, which)
        if row is None:
            raise ValueError(
                f"the vocabulary has no {NAMES[which][0]} token, nor {NAMES[which][1]}: without it nothing can be "
                "guessed; give the tokenizer that belongs to the network"
            )
        return row

    @property
    def rows(self) -> frozenset[int]:
        """All of them."""
        return frozenset(row for row in vars(self).values() if row is not None)
