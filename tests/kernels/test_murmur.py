"""The hash by which spaCy names words."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_murmur
from wordfield.kernels import murmur
from wordfield.text.ngrams import joined


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 2**32 - 1))
def test_names_are_those_of_the_naive_twin(words, seed):
    assert murmur.names(*joined(words), seed).tolist() == [naive_murmur.name(word, seed) for word in words]


def test_names_are_those_that_spacy_prints():
    assert naive_murmur.name(b"coffee", 1) == 3197928453018144401
    assert murmur.names(*joined([b"coffee"]), 1).tolist() == [3197928453018144401]
    assert murmur.names(np.zeros(1, np.uint8), np.zeros((0, 2), np.int64), 1).tolist() == []
