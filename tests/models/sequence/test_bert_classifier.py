"""Labels of texts by a fine-tuned network: what it learns, keeps and refuses, and what ``transformers`` makes of it."""

import json
import logging
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from support import Stop

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import BERT, BERTClassifier, Word2Vec, api, load  # noqa: E402
from wordfield.models.sequence.labelling import Labeller, Labelling  # noqa: E402
from wordfield.models.sequence.sequence_classifier import SequenceClassifier  # noqa: E402

SMALL = BERTClassifier(
    dim=12,
    layers=2,
    heads=2,
    inner=16,
    context=12,
    pieces=70,
    batch=8,
    epochs=12,
    learning_rate=1e-2,
    precision="float32",
    threads=1,
)
RANDOM = np.random.default_rng(1)
WORLDS = {"land": ["cat", "milk", "house", "dog"], "sea": ["ship", "west", "sails", "fish"]}
PAIRS = [(" ".join(RANDOM.choice(words, 4)), label) for label, words in WORLDS.items() for _ in range(40)]
LINES = [f"__label__{label} {text}" for text, label in PAIRS]
PLAIN = ("loss", "heldout", "accuracy", "checked", "checks", "steps", "tokens", "stopped")


@pytest.fixture(scope="module")
def transformers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers", reason="needs the library transformers")


@pytest.fixture(scope="module")
def start():
    recipe = BERT(dim=12, layers=2, heads=2, inner=16, context=12, pieces=70, batch=8, threads=1, heldout=0.0)
    return replace(recipe, precision="float32").fit([text for text, _ in PAIRS] * 2)


@pytest.fixture(scope="module")
def model(start):
    return SMALL.fit(PAIRS, start=start)


def same(one, other):
    one, other = one.network.tensors, other.network.tensors
    return [*one] == [*other] and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("architecture", ["modern", "classic"])
@pytest.mark.parametrize("loss", ["softmax", "one-vs-all"])
def test_it_learns_labels_from_texts_alone(architecture, loss):
    model = replace(SMALL, architecture=architecture, loss=loss, dim=24, epochs=40, learning_rate=3e-3).fit(LINES)
    assert [labels[0][0] for labels in model.predict(["the cat and milk", "fish sails west"])] == ["land", "sea"]
    shares = model.predict_proba(["cat dog", "ship"])
    assert shares.shape == (2, 2)
    if loss == "softmax":
        np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert model.history["loss"][-1] < model.history["loss"][0] / 2


def test_it_goes_on_from_a_masked_language_model(model, start):
    assert model.labels == ["land", "sea"]
    assert model.words.vocabulary.words == start.words.vocabulary.words
    assert model.predict(["cat milk house"])[0][0][0] == "land"
    assert model.info()["kind"] == "bert-classifier"
    assert model.info()["labels"] == 2
    words, vectors = model.embed_words("cat ship")
    assert words == ["cat", "ship"]
    assert vectors.shape == (2, 12)


def test_texts_of_many_lengths_are_labelled_as_each_alone(model):
    texts = ["cat", "ship west sails fish ship west", "", "milk " * 40, "dog house", "__label__sea cat"]
    together = model.predict_proba(texts)
    for text, shares in zip(texts, together, strict=True):
        np.testing.assert_allclose(model.predict_proba([text])[0], shares, atol=1e-6)
    np.testing.assert_allclose(together[5], together[0], atol=1e-6)
    assert model.predict(texts, k=None)[0][0][1] >= model.predict(texts, k=None)[0][1][1]
    assert model.predict([]) == []
    with pytest.raises(ValueError, match="k is how many labels"):
        model.predict(texts, k=0)


def test_the_command_trains_predicts_and_evaluates(tmp_path, run, start):
    start.save(tmp_path / "start")
    for name, lines in (("train", LINES[::2]), ("valid", LINES[1::2])):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines), "utf-8")
    small = ["--context=12", "--batch=8", "--epochs=12", "--threads=1", "--learning-rate=1e-2"]
    done = run("train", "bert-classifier", tmp_path / "train.txt", "--start", tmp_path / "start", *small,
               "--validation", tmp_path / "valid.txt", "--out", tmp_path / "model")  # fmt: skip
    assert done.status == 0, done.err
    assert "accuracy" in done.out
    assert isinstance(load(tmp_path / "model"), SequenceClassifier)
    assert "sea" in run("predict", tmp_path / "model", "ship fish").out
    results = api.evaluate(tmp_path / "model", [tmp_path / "valid.txt"])["results"]
    scores = {each["metric"]: each["value"] for each in results}
    assert scores["P@1"] == load(tmp_path / "model").history["accuracy"][-1] > 0.9
    assert run("train", "bert-classifier", tmp_path / "train.txt", "--dry-run", *small, "--dim", 16).status == 0


@pytest.mark.parametrize(("steps", "check"), [(1, False), (30, False), (40, True)])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, start, steps, check):
    recipe = replace(SMALL, epochs=6, heldout=0.2, checks=4)
    whole = recipe.fit(PAIRS, start=start)
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(PAIRS, Stop(steps, check), start=start)
    caught.value.partial.save(tmp_path / "partial")
    again = recipe.fit(PAIRS, start=load(tmp_path / "partial"))
    assert same(again, whole)
    assert {name: again.history[name] for name in PLAIN} == {name: whole.history[name] for name in PLAIN}


def test_several_labels_a_text():
    both = [(f"{a} {b}", ["land", "sea"]) for a in WORLDS["land"] for b in WORLDS["sea"]]
    model = replace(SMALL, loss="one-vs-all", epochs=30, dim=24, learning_rate=5e-3).fit([*PAIRS, *both * 2])
    shares = model.predict_proba(["cat ship", "cat milk dog house"])
    assert (shares[0] > 0.5).all()
    assert [labels for labels, _ in model.predict(["cat dog milk"], k=None, threshold=0.5)[0]] == ["land"]


def test_the_gradient_of_the_labels_is_right(start):
    network = SMALL.labeller(start.tokens, ["a", "b", "c"], start).double()
    rows = [[2, 7, 8, 9, 3], [2, 7, 3], [2, 9, 9, 3]]
    examples = Labelling(rows, [[0], [1, 2], [2]], 3, 3, 1)
    batch = examples.batch(0, 0, 3)
    assert batch.shape == (3, 5 + 3)
    assert examples.tokens(batch) == examples.read == 12
    for alone in (False, True):
        labeller = Labeller(network.encoder, alone)
        gradients = torch.autograd.grad(labeller.losses(batch).sum(), [*labeller.parameters()], allow_unused=True)
        random = np.random.default_rng(2)
        for (name, weight), gradient in zip(labeller.named_parameters(), gradients, strict=True):
            place, flat = int(random.integers(weight.numel())), weight.data.view(-1)
            sides = []
            for step in (1e-6, -2e-6):
                flat[place] += step
                sides.append(labeller.losses(batch).sum().item())
            flat[place] += 1e-6
            expected = 0.0 if gradient is None else gradient.view(-1)[place].item()
            assert expected == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=2e-5), name


def test_each_epoch_reads_every_text_once():
    rows = [[2, *[5] * (place % 7), 3] for place in range(50)]
    examples = Labelling(rows, [[place % 2] for place in range(50)], 2, 8, 1)
    lengths = []
    for epoch in range(2):
        batches = [examples.batch(epoch, step, 8) for step in range(examples.steps)]
        read = [int((row[:-2] >= 0).sum()) for batch in batches for row in batch]
        assert sorted(read) == sorted(map(len, rows))
        lengths.append(read)
        assert all(
            (row[:-2] >= 0).sum() >= (after[:-2] >= 0).sum() for batch in batches for row, after in pairwise(batch)
        )
    assert lengths[0] != lengths[1]


KINDS = {"Bert": {}, "Roberta": {"pad_token_id": 1}, "DistilBert": {}, "ModernBert": {"classifier_pooling": "mean"}}
SIZES = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
SIZES |= {"max_position_embeddings": 40}
DISTIL = {"dim": 12, "hidden_dim": 16, "n_heads": 2, "n_layers": 2}


@pytest.mark.parametrize("family", KINDS)
def test_what_transformers_saved_gives_the_same_scores(transformers, tmp_path, family, start):
    sizes = DISTIL if family == "DistilBert" else SIZES
    more = {"cls_token_id": 2, "sep_token_id": 3, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    sizes = sizes | (more if family == "ModernBert" else {}) | KINDS[family]
    labels = {0: "land", 1: "sea", 2: "sky"}
    config = getattr(transformers, f"{family}Config")(vocab_size=len(start.words), id2label=labels, **sizes)
    theirs = getattr(transformers, f"{family}ForSequenceClassification")(config).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    start.save(tmp_path / "start")
    (tmp_path / "theirs" / "tokenizer.json").write_bytes((tmp_path / "start" / "tokenizer.json").read_bytes())
    model = load(tmp_path / "theirs")
    assert isinstance(model, SequenceClassifier)
    assert model.labels == [*labels.values()]
    for text in ("the cat", "ship sails west fish"):
        with torch.no_grad():
            scores = theirs(torch.tensor([model.read(text)])).logits
        np.testing.assert_allclose(model.predict_proba([text]), torch.softmax(scores, 1), atol=1e-4)
    again = replace(SMALL, epochs=1).fit(PAIRS, start=model)
    assert again.labels == ["land", "sea"], "other labels are learnt anew"
    again.save(tmp_path / "again")
    there = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "again").eval()
    assert type(there).__name__ == f"{family}ForSequenceClassification"
    with torch.no_grad():
        shares = torch.softmax(there(torch.tensor([again.read("the cat")])).logits, 1)
    np.testing.assert_allclose(again.predict_proba(["the cat"]), shares, atol=1e-4)
    assert there.config.id2label == {0: "land", 1: "sea"}


def test_long_texts_and_texts_without_a_label_are_told(caplog, start):
    with caplog.at_level(logging.WARNING):
        replace(SMALL, epochs=1).fit([*LINES, "no label here", f"__label__sea {'fish ' * 40}"], start=start)
    assert "1 of 82 texts have no label" in caplog.text
    assert "1 of 81 texts are longer than context=12" in caplog.text


def test_what_cannot_be_learnt_from_is_refused(start):
    with pytest.raises(ValueError, match="no text has a label that 1 of them have"):
        SMALL.fit(["no labels", "at all"])
    with pytest.raises(ValueError, match="no text has a label that 500 of them have"):
        replace(SMALL, min_label_count=500).fit(LINES)
    with pytest.raises(ValueError, match="goes on from an encoder only"):
        SMALL.fit(LINES, start=Word2Vec(dim=4, epochs=1, min_count=1, threads=1).fit([text for text, _ in PAIRS]))
    with pytest.raises(ValueError, match="loss must be one of softmax, one-vs-all"):
        replace(SMALL, loss="hinge")
    with pytest.raises(ValueError, match="is no classifier"):
        api.predict(start, ["a"])


def test_what_is_saved_is_json_that_says_the_labels(model, tmp_path):
    model.save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text("utf-8"))
    assert config["architectures"] == ["ModernBertForSequenceClassification"]
    assert config["id2label"] == {"0": "land", "1": "sea"}
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(["cat"]), model.predict_proba(["cat"]))
