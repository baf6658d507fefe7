"""The same word has another vector in another sense: nearer to itself in the same one, in sentences never seen."""

import numpy as np
import pytest

from senses import CHINESE, ENGLISH

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import BERT, Corpus

RECIPE = BERT(
    dim=32,
    layers=2,
    heads=2,
    inner=64,
    context=16,
    min_count=1,
    batch=32,
    epochs=60,
    heldout=0.0,
    learning_rate=5e-3,
    warmup=0.1,
    precision="float32",
    threads=1,
)
EACH = 30


def sentence(word, around, random):
    """The word among three of those that stand around one of its senses."""
    words = random.choice(around.split(), 3, replace=False).tolist()
    place = int(random.integers(0, 4))
    return [*words[:place], word, *words[place:]], place


@pytest.mark.parametrize("language", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_a_word_is_nearer_to_itself_in_the_same_sense(language):
    random = np.random.default_rng(1)
    pairs = [(word, around) for word, senses in language.items() for around in senses]
    text = [sentence(word, around, random)[0] for word, around in pairs for _ in range(EACH)]
    known = {tuple(words) for words in text}
    order = random.permutation(len(text)).tolist()
    model = RECIPE.fit(Corpus([text[place] for place in order]))
    right, near, far = 0, [], []
    for word, (one, other) in language.items():
        read = []
        while len(read) < 3:
            words, place = sentence(word, (one, one, other)[len(read)], random)
            if tuple(words) not in known:
                read.append((words, place))
        found = model.embed_words_of([words for words, _ in read])
        vectors = np.array([vectors[place] for (_, vectors), (_, place) in zip(found, read, strict=True)])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        same, apart = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
        near.append(same)
        far.append(apart)
        right += same > apart
    assert len(language) >= 20
    assert right >= len(language) - 1, f"{right} of {len(language)} words"
    assert 1 - np.mean(far) > 3 * (1 - np.mean(near))
