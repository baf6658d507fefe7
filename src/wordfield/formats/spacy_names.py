"""How spaCy names strings: by MurmurHash64A of their UTF-8, with the seed 1, but by a small number where a string is
one of its symbols: tags, labels and attributes, some of which are words too, such as "number", "root" and "DATE".

The numbers are those of spaCy 2 and 3 (``spacy.symbols``), which never change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wordfield.text.ngrams import encoded, joined

SEED = 1
FLAGS = (
    "IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE IS_UPPER LIKE_URL LIKE_NUM LIKE_EMAIL IS_STOP "
    "IS_OOV_DEPRECATED IS_BRACKET IS_QUOTE IS_LEFT_PUNCT IS_RIGHT_PUNCT IS_CURRENCY"
)
ATTRIBUTES = (
    "ID ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH CLUSTER LEMMA POS TAG DEP ENT_IOB ENT_TYPE HEAD SENT_START SPACY "
    "PROB LANG ADJ ADP ADV AUX CONJ CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X EOL SPACE"
)
LABELS = (
    "PERSON NORP FACILITY ORG GPE LOC PRODUCT EVENT WORK_OF_ART LANGUAGE LAW DATE TIME PERCENT MONEY QUANTITY ORDINAL "
    "CARDINAL acomp advcl advmod agent amod appos attr aux auxpass cc ccomp complm conj cop csubj csubjpass dep det "
    "dobj expl hmod hyph infmod intj iobj mark meta neg nmod nn npadvmod nsubj nsubjpass num number oprd obj obl "
    "parataxis partmod pcomp pobj poss possessive preconj prep prt punct quantmod relcl rcmod root xcomp acl "
    "ENT_KB_ID MORPH ENT_ID IDX _"
)
SYMBOLS: dict[str, int] = {
    name: number
    for number, name in enumerate(
        [
            "",
            *FLAGS.split(),
            *(f"FLAG{number}" for number in range(19, 64)),
            *ATTRIBUTES.split(),
            *(f"DEPRECATED{number:03}" for number in range(1, 277)),
            *LABELS.split(),
        ]
    )
}
"""Symbol -> its number, from 0."""


def keys(words: Sequence[str]) -> NDArray[np.uint64]:
    """The key of each word (V,)."""
    from wordfield.kernels import murmur

    found = murmur.names(*joined([encoded(word) for word in words]), SEED)
    for row, word in enumerate(words):
        if word in SYMBOLS:
            found[row] = SYMBOLS[word]
    return found
