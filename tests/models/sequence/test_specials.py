"""The rows of the tokens that are no text, in the vocabularies of several families."""

import pytest

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence.specials import Specials

BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]


def test_the_names_of_bert_and_of_roberta():
    assert Specials.of(BERT, {}) == Specials(begin=2, end=3, mask=4, pad=0, unknown=1)
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "a", "<mask>"]
    assert Specials.of(roberta, {}) == Specials(begin=0, end=2, mask=5, pad=1, unknown=3)
    assert Specials.of(roberta, {}).rows == {0, 1, 2, 3, 5}


def test_names_count_before_what_the_configuration_says():
    assert Specials.of(BERT, {"cls_token_id": 5, "pad_token_id": 5}) == Specials.of(BERT, {})
    bare = ["pad", "begin", "end", "a"]
    told = {"pad_token_id": 0, "bos_token_id": 1, "sep_token_id": 2, "mask_token_id": 9}
    assert Specials.of(bare, told) == Specials(begin=1, end=2, mask=None, pad=0, unknown=None)
    assert Specials.of(bare, told).rows == {0, 1, 2}


def test_a_vocabulary_that_cannot_begin_a_text_is_refused():
    with pytest.raises(ValueError, match=r"none of the 5 tokens begins a text: there is neither \[CLS\] nor <s>"):
        Specials.of([each for each in BERT if each != "[CLS]"], {})
    with pytest.raises(ValueError, match=r"ends a text: there is neither \[SEP\] nor </s>.*'sep_token_id'"):
        Specials.of([each for each in BERT if each != "[SEP]"], {})


def test_a_vocabulary_without_a_mask_says_so_when_one_is_needed():
    found = Specials.of([each for each in BERT if each not in ("[MASK]", "[UNK]")], {})
    assert (found.mask, found.unknown) == (None, None)
    with pytest.raises(ValueError, match=r"no \[MASK\] token, nor <mask>: without it nothing can be guessed"):
        found.needed("mask")
    assert found.needed("pad") == 0
