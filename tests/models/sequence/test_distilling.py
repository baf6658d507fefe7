"""A table of tokens made of a network: each alone, by its real frequency, as model2vec and sentence-transformers have
it.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import BERT, api, load  # noqa: E402
from wordfield.models.sequence import distilling  # noqa: E402
from wordfield.models.sequence.distilling import components, counted, distil, weights  # noqa: E402

TEXT = ["the cat drinks milk", "a ship sails west", "the the the ship"] * 10
RECIPE = BERT(dim=12, layers=2, heads=2, context=12, pieces=70, batch=4, epochs=2, heldout=0.0, threads=1)


@pytest.fixture(scope="module")
def model():
    return replace(RECIPE, precision="float32").fit(TEXT)


def test_each_token_has_its_state_alone_times_its_weight(model, monkeypatch):
    monkeypatch.setattr(distilling, "AT_ONCE", 7)
    found = distil(model, TEXT, 12)
    names = model.words.vocabulary.words
    kept = [row for row, name in enumerate(names) if name not in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    alone = np.array([model.states([[row]])[0][0] for row in kept], np.float64)
    centred = alone - alone.mean(axis=0)
    counts = counted(model, TEXT, [*names])
    expected = np.array([1e-4 / (1e-4 + counts[row] / counts.sum()) for row in kept])
    ours = found.words.vectors[kept] / expected[:, None]
    np.testing.assert_allclose(ours @ ours.T, centred @ centred.T, atol=1e-3)
    assert not found.words.vectors[:5].any()
    assert counts[names.index("the")] == 40
    assert found.words.vocabulary.counts[names.index("the")] == 40


def test_fewer_components_are_those_of_the_largest_variance(model):
    random = np.random.default_rng(1)
    vectors = random.normal(size=(50, 6)) * [9, 5, 3, 1, 0.1, 0.01] + 4
    found = components(vectors.astype(np.float32), 3)
    assert found.shape == (50, 3)
    assert np.var(found, axis=0) == pytest.approx(
        np.sort(np.linalg.eigvalsh(np.cov(vectors.T, bias=True)))[::-1][:3], rel=1e-3
    )
    assert distil(model, TEXT, 5).dim == 5
    assert distil(model, TEXT, 500).dim == 12


def test_frequent_tokens_count_less():
    found = weights(np.array([10_000, 1, 0]), 1e-4)
    assert found[0] == pytest.approx(1e-4, rel=1e-2)
    assert found[1] == pytest.approx(0.5, rel=1e-3)
    assert found[2] == 1


def test_a_text_is_the_mean_of_its_tokens_and_the_folder_is_one_that_others_read(model, tmp_path, run):
    told = api.distil(model, TEXT, tmp_path / "table", 8)
    assert told["dim"] == 8
    assert told["tokens"] == counted(model, TEXT, [*model.words.vocabulary.words]).sum()
    assert {"model.safetensors", "tokenizer.json", "modules.json"} <= {
        path.name for path in (tmp_path / "table").iterdir()
    }
    table = load(tmp_path / "table")
    rows = [table.words.vectors[model.words.vocabulary.index[piece]] for piece in model.tokenizer.pieces_of("the cat")]
    mean = np.mean(rows, axis=0)
    np.testing.assert_allclose(table.embed(["the cat"])[0], mean / np.linalg.norm(mean), atol=1e-6)
    model.save(tmp_path / "model")
    (tmp_path / "text").write_text("\n".join(TEXT), "utf-8")
    done = run("distil", tmp_path / "model", tmp_path / "text", "--out", tmp_path / "other", "--dim", 8)
    assert done.status == 0, done.err
    np.testing.assert_allclose(load(tmp_path / "other").words.vectors, table.words.vectors, atol=1e-6)


def test_a_text_of_no_known_token_is_refused(model):
    with pytest.raises(ValueError, match="has none of the"):
        distil(model, [""])
    with pytest.raises(ValueError, match="dim=0 must be at least 1"):
        distil(model, TEXT, 0)


@pytest.mark.data
def test_a_vocabulary_in_the_order_of_code_points_is_weighed_by_real_frequencies(data):
    """的 is the 4,638th of BERT's Chinese vocabulary, and about 3 % of all text."""
    vocabulary = data / "fixtures" / "bert" / "bert-base-chinese-vocab.txt"
    corpus = data / "corpora" / "zhwiki50m.txt"
    if not vocabulary.is_file() or not corpus.is_file():
        pytest.skip("no Chinese vocabulary, or no Chinese text, in the folder of real data")
    from wordfield.formats.tokenizer_json import of_wordpieces
    from wordfield.text.tokenizers import Tokenizer

    names = vocabulary.read_text("utf-8").split()
    given = json.dumps(of_wordpieces({name: row for row, name in enumerate(names)}, lowercase=True))
    tokenizer = Tokenizer(name="subwords", lowercase=False, subwords=given)
    with corpus.open(encoding="utf-8") as stream:
        lines = [next(stream) for _ in range(2000)]

    class Cutter:
        pass

    Cutter.tokenizer = tokenizer
    counts = counted(Cutter, lines, names)
    found = dict(zip(names, weights(counts, 1e-4), strict=True))
    share = counts[names.index("的")] / counts.sum()
    assert 0.02 < share < 0.06
    assert found["的"] == pytest.approx(1e-4 / (1e-4 + share), rel=1e-4)
    assert found["的"] < found["一"] < found["丁"], "by frequency, not by the order of the vocabulary"
