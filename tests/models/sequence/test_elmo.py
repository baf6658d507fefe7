"""ELMo: what it learns, that its vectors depend on nothing but the text, and that training goes on where it stopped."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from naive_elmo import NaiveELMo
from support import PLAIN, Stop
from worlds import sentences

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")
pytest.importorskip("h5py", reason="files of ELMo need h5py: pip install 'wordfield[neural]'")

from wordfield import Corpus, ELMo, api, load  # noqa: E402
from wordfield.models.sequence import elmo  # noqa: E402
from wordfield.models.sequence.bidirectional_language_model import total_losses  # noqa: E402
from wordfield.models.sequence.operations import Dropout  # noqa: E402
from wordfield.models.sequence.scalar_mix import ScalarMix  # noqa: E402
from wordfield.models.sequence.scalar_mix import learnt as learnt_mix  # noqa: E402
from wordfield.models.sequence.streams import Noise  # noqa: E402

SMALL = ELMo(
    dim=16,
    cell=12,
    layers=2,
    context=6,
    batch=4,
    epochs=2,
    heldout=0.1,
    checks=4,
    device="cpu",
    precision="float32",
    threads=1,
)
TEXT = [sentence.split() for sentence in sentences(60)]


@pytest.fixture(scope="module")
def learnt():
    return replace(SMALL, epochs=25, learning_rate=1e-2, dropout=0.0).fit(TEXT)


def same(one, other):
    one, other = dict(one.network.tensors), dict(other.network.tensors)
    return [*one] == [*other] and all(np.array_equal(one[name], other[name]) for name in one)


def near(one, other):
    return abs(one - other).max() < 1e-6 * max(1, abs(other).max())


def stopped(recipe, stop, start=None):
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(TEXT, stop, start=start)
    return caught.value.partial


def test_it_learns_in_both_directions(learnt):
    assert learnt.history["loss"][-1] < 0.6 < learnt.history["loss"][0]
    forwards, backwards = learnt.surprise(TEXT)
    assert forwards.tokens == backwards.tokens == 5 * len(TEXT)
    # Of each sentence only the world is not to be foreseen, which one word tells: log 2 in five tokens.
    assert forwards.loss == pytest.approx(math.log(2) / 5, abs=0.1)
    assert backwards.loss == pytest.approx(math.log(2) / 5, abs=0.1)
    assert forwards.perplexity == math.exp(forwards.loss)
    shuffled = [words[::-1] for words in TEXT]
    assert learnt.surprise(shuffled).forwards.loss > 1


def test_what_it_remembers(learnt):
    assert learnt.words.index_to_key[:3] == ["<S>", "</S>", "<UNK>"]
    assert len(learnt.words) == 3 + 8
    assert (learnt.words.dim, learnt.dim, learnt.output.dim) == (8, 16, 8)
    assert learnt.words.vocabulary.counts.tolist()[:3] == [60, 60, 0]
    assert learnt.recipe["model"] == "elmo"
    assert learnt.history["known_tokens"] == 240
    assert learnt.info()["dim"] == 16


def test_the_three_layers(learnt):
    words, vectors = learnt.embed_words("the cat drinks milk")
    assert words == ["the", "cat", "drinks", "milk"]
    layers = [learnt.embed_words(words, layer=layer)[1] for layer in (0, 1, 2)]
    assert near(layers[2], vectors)
    assert near(learnt.embed_words(words, layer=[0, 1, 2])[1], np.mean(layers, axis=0))
    own = np.array([learnt.words[word] for word in words])
    assert near(layers[0], np.concatenate([own, own], axis=1))
    assert near(learnt.embed([" ".join(words)])[0], vectors.mean(axis=0))


def test_a_sentence_has_the_same_vectors_alone_and_among_others(learnt):
    random = np.random.default_rng(0)
    many = [random.choice(["the", "cat", "ship", "unheard", "of"], size).tolist() for size in (1, 7, 3, 600, 2, 40)]
    alone = [learnt.embed_words(words)[1] for words in many]
    for order in ([0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [2, 2, 2, 3]):
        for place, (_, vectors) in zip(order, learnt.embed_words_of([many[place] for place in order]), strict=True):
            assert near(vectors, alone[place])
    assert near(learnt.embed([" ".join(many[1])])[0], alone[1].mean(axis=0))


def test_the_state_of_the_beginning(learnt, tmp_path):
    sentence = "the cat drinks milk"
    warm, zero, carry = (learnt.beginning(how) for how in ("warm", "zero", "carry"))
    first = carry.embed_words(sentence)[1]
    assert near(first, zero.embed_words(sentence)[1])
    assert not near(carry.embed_words(sentence)[1], first)
    assert not near(warm.embed_words(sentence)[1], first)
    assert near(warm.embed_words(sentence)[1], warm.embed_words(sentence)[1])
    learnt.save(tmp_path / "model")
    assert near(load(tmp_path / "model").embed_words(sentence)[1], learnt.embed_words(sentence)[1])
    assert near(load(tmp_path / "model", state="carry").embed_words(sentence)[1], first)
    with pytest.raises(ValueError, match="state must be one of warm, zero, carry, not 'cold'"):
        load(tmp_path / "model", state="cold")


def test_texts_that_are_carried_go_on_each_by_itself(learnt):
    one, other = learnt.beginning("carry"), learnt.beginning("carry")
    together = [one.embed_words_of([["the", "cat"], ["a", "ship", "sails"]]), one.embed_words_of([["milk"], ["west"]])]
    alone = [other.embed_words(words)[1] for words in (["the", "cat"], ["milk"])]
    assert near(together[0][0][1], alone[0])
    assert near(together[1][0][1], alone[1])


def test_no_text_no_vectors(learnt):
    assert learnt.embed(["", "  "]).tolist() == [[0.0] * 16] * 2
    assert learnt.embed_words("")[1].shape == (0, 16)
    assert learnt.embed_words_of([]) == []
    assert learnt.beginning("carry").embed_words("")[1].shape == (0, 16)


def test_what_it_writes_is_what_the_published_layout_expects(learnt, tmp_path):
    learnt.save(tmp_path / "model")
    twin, plain = NaiveELMo(tmp_path / "model"), learnt.beginning("zero")
    for words in (["the", "cat", "drinks", "milk"], ["unheard", "of"]):
        expected = twin.read(words, carry=False)
        for layer in range(3):
            assert abs(plain.embed_words(words, layer=layer)[1] - expected[layer]).max() < 1e-5


def test_losses_are_those_of_the_twin(learnt, tmp_path):
    """The whole way, by hand: what foresees the next word is the softmax of the last layer with the output table."""
    learnt.save(tmp_path / "model")
    twin, rows = NaiveELMo(tmp_path / "model"), learnt.words.vocabulary.index
    words = ["the", "cat", "drinks", "milk"]
    spelt = [twin.ids(None, 256), *map(twin.ids, words)]
    vectors = np.array([twin.word(each) for each in spelt])
    x = twin.layer(twin.layer(vectors, 0, 0, False), 0, 1, False)
    logits = x @ twin.data["softmax/W"].T + twin.data["softmax/b"]
    shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean([shares[place, rows[word]] for place, word in enumerate([*words, "</S>"])])
    assert learnt.surprise([words]).forwards.loss == pytest.approx(expected, abs=1e-5)
    vectors = np.array([twin.word(each) for each in [twin.ids(None, 257), *map(twin.ids, words[::-1])]])
    x = twin.layer(twin.layer(vectors, 1, 0, False), 1, 1, False)
    logits = x @ twin.data["softmax/W"].T + twin.data["softmax/b"]
    shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean([shares[place, rows[word]] for place, word in enumerate([*words[::-1], "<S>"])])
    assert learnt.surprise([words]).backwards.loss == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("length", [2, 3, 127, 128, 129, 600, 5000])
def test_losses_do_not_depend_on_how_a_text_is_laid_out(length, monkeypatch):
    from wordfield.models.sequence import bidirectional_language_model as module

    tokens = SMALL.tokens(Corpus(TEXT).scan())
    network = SMALL.network(tokens).eval()
    drawn = np.random.default_rng(length).integers(1, len(tokens.vocabulary), length)

    class Fixed(Noise):
        end = 1

        def read(self, first, last):
            return drawn[first:last]

    stream = Fixed(length, len(tokens.vocabulary))
    monkeypatch.setattr(module, "LANES", 1)
    monkeypatch.setattr(module, "STEPS", 7)
    found = total_losses(network, stream, network.spelt)
    batch = torch.from_numpy(drawn[None])
    with torch.inference_mode():
        for backwards in (False, True):
            whole = network.losses_of(batch, network.spelt, backwards, network.nothing(1))[0]
            assert found[backwards] == pytest.approx(whole.double().sum().item(), rel=1e-5)
    monkeypatch.setattr(module, "LANES", 3)
    monkeypatch.setattr(module, "LONG", 1)
    side_by_side = total_losses(network, stream, network.spelt)
    assert side_by_side == pytest.approx(found, rel=0.02)  # but for states that begin anew


def test_the_gradient_is_that_of_finite_differences():
    tokens = SMALL.tokens(Corpus(TEXT).scan())
    network = SMALL.network(tokens).double()
    batch = torch.from_numpy(np.random.default_rng(0).integers(1, len(tokens.vocabulary), (2, 7)))
    parameters = dict(network.named_parameters())
    loss = network.losses(batch).sum()
    slopes = dict(zip(parameters, torch.autograd.grad(loss, [*parameters.values()]), strict=True))
    random = np.random.default_rng(1)
    for name, parameter in parameters.items():
        flat, slope = parameter.data.view(-1), slopes[name].view(-1)
        for place in random.integers(len(flat), size=3).tolist():
            before, ends = flat[place].item(), []
            for step in (1e-5, -1e-5):
                flat[place] = before + step
                ends.append(network.losses(batch).sum().item())
            flat[place] = before
            assert slope[place].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-5), name


def test_characters_behind_a_word_change_nothing():
    tokens = SMALL.tokens(Corpus(TEXT).scan())
    network = SMALL.network(tokens).eval()
    twin = network.words(network.spelt)
    one_by_one = torch.cat([network.words(each[None]) for each in network.spelt])
    assert torch.allclose(twin, one_by_one, atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "check", "threads", "options"),
    [
        (1, False, 1, {}),
        (6, False, 1, {}),
        (8, True, 1, {}),
        (6, False, 2, {}),
        (6, False, 1, {"output": "adaptive", "min_count": 2}),
        (6, False, 1, {"spelling": "characters", "max_vocab": 6}),
    ],
)
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, steps, check, threads, options):
    recipe = replace(SMALL, threads=threads, patience=3, **options)
    whole = recipe.fit(TEXT)
    partial = stopped(recipe, Stop(steps, check))
    partial.save(tmp_path / "partial")
    model = recipe.fit(TEXT, start=load(tmp_path / "partial"))
    assert model.history["resumed"] == partial.history["tokens"] > 0
    assert same(model, whole)
    assert {name: model.history[name] for name in PLAIN} == {name: whole.history[name] for name in PLAIN}


def test_training_goes_on_with_other_text(learnt):
    more = [["the", "dog", "drinks", "water"]] * 40
    model = replace(SMALL, epochs=4, heldout=0.0).fit(more, start=learnt)
    assert model.words.index_to_key == learnt.words.index_to_key
    assert model.surprise(more).forwards.loss < learnt.surprise(more).forwards.loss


def test_rare_words_are_read_by_their_characters_and_foreseen_as_unknown():
    text = [*TEXT, ["the", "caterpillar", "drinks", "milk"]]
    model = replace(SMALL, min_count=2, heldout=0.0).fit(text)
    assert "caterpillar" not in model.words
    assert model.words.vocabulary.counts[2] == 1
    tokens = model.tokens
    assert tokens.told("caterpillar") == ("caterpillar", None)
    vectors = model.embed_words(["caterpillar", "zzz"], layer=0)[1]
    assert abs(vectors[0] - vectors[1]).max() > 1e-3
    assert model.surprise([["the", "caterpillar"]]).forwards.tokens == 3


def test_misspelt_and_unknown_words_are_near_the_right_ones():
    """Endings tell what a word is: those of words never seen too."""
    random = np.random.default_rng(3)
    stems = ["walk", "jump", "play", "talk", "look", "work", "help", "call", "turn", "move", "rest", "wait"]
    text = []
    for _ in range(800):
        stem = stems[random.integers(10)]
        text.append(["he", "was", f"{stem}ing", "there"] if random.random() < 0.5 else ["he", "has", f"{stem}ed", "it"])
    recipe = replace(SMALL, dim=32, cell=32, batch=16, epochs=6, heldout=0.0, learning_rate=1e-2, dropout=0.0)
    words = [word for stem in stems[:10] for word in (f"{stem}ing", f"{stem}ed")]
    model = recipe.fit(text)
    own = {word: vector / np.linalg.norm(vector) for word, vector in zip(words, model.vectors(words), strict=True)}
    for new, ending in [
        ("resting", "ing"),
        ("rested", "ed"),
        ("waiting", "ing"),
        ("waited", "ed"),
        ("wallking", "ing"),
    ]:
        vector = model.vectors([new])[0]
        best = max(own, key=lambda word: own[word] @ vector)
        assert best.endswith(ending), (new, best)
    vector = model.vectors(["jumpping"])[0]
    ranked = sorted(own, key=lambda word: -(own[word] @ vector))
    assert ranked[0] == "jumping"


def test_chinese_in_characters(tmp_path):
    corpus = Corpus(["国王 统治 着 土地", "女王 统治 着 大海"] * 30, tokenizer="whitespace")
    model = replace(SMALL, spelling="characters").fit(corpus)
    assert set(model.network.config["char_cnn"]["characters"]) == set("国王统治着土地女大海")
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.spelling == model.spelling
    assert near(again.embed_words("国王 统治")[1], model.embed_words("国王 统治")[1])


def test_an_adaptive_output_is_exact(tmp_path):
    model = replace(SMALL, output="adaptive", heldout=0.0).fit(TEXT)
    network, targets = model.bilm, torch.arange(11)
    x = torch.randn(1, 8).expand(11, -1)
    with torch.inference_mode():
        shares = torch.exp(-network.foreseen(x, targets))
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").surprise(TEXT) == model.surprise(TEXT)


@pytest.mark.parametrize(("outputs", "expected"), [(4, (3,)), (20, (6,)), (30, (3, 10)), (10_000, (1000, 3333))])
def test_groups_of_an_adaptive_output(outputs, expected):
    assert elmo.groups(outputs) == expected


def test_the_vectors_of_words_are_those_of_the_whole_network_again(learnt):
    words = [*learnt.words.index_to_key, "unheard"]
    first = learnt.vectors(words)
    assert near(first, learnt.vectors(words[::-1])[::-1])
    assert near(first[:-1], learnt.words.storage.take(range(len(words) - 1)))


def test_dropout_leaves_zeros_and_another_seed_others():
    tokens = SMALL.tokens(Corpus(TEXT).scan())
    network = SMALL.network(tokens)
    batch = torch.from_numpy(np.random.default_rng(0).integers(1, len(tokens.vocabulary), (2, 7)))
    draw = [network.losses(batch, Dropout(0.5, torch.Generator().manual_seed(seed))) for seed in (1, 1, 2)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "large"}, "size must be one of tiny, small, original, not 'large'"),
        ({"dim": 7}, "dim must be even, a half for each direction, not 7"),
        ({"spelling": "letters"}, "spelling must be one of bytes, characters"),
        ({"output": "tree"}, "output must be one of full, adaptive"),
        ({"bound": -1.0}, r"bound must be 0 \(any\) or more, not -1.0"),
        ({"longest": 5}, "longest must be a whole number of at least 10, not 5"),
        ({"cell": -1}, "cell must be a whole number of at least 0"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **options)


def test_sizes_are_numbers():
    assert ELMo().described()["dim"] == 256
    assert ELMo(size="original").described()["cell"] == 4096
    assert ELMo(size="original", cell=8).described()["cell"] == 8


def test_pieces_of_words_are_refused():
    from wordfield.text import subwords
    from wordfield.text.tokenizers import Tokenizer

    pieces = subwords.learn([" ".join(words) for words in TEXT], 40)
    with pytest.raises(ValueError, match="ELMo reads whole words by their characters"):
        SMALL.fit(Corpus(TEXT).cut_by(Tokenizer("subwords", False, subwords=pieces)))


def test_what_is_no_elmo_is_nothing_to_go_on_from(learnt):
    from wordfield import LLM

    other = LLM(dim=8, layers=1, heads=2, context=6, min_count=1, epochs=1, threads=1, heldout=0.0).fit(TEXT)
    with pytest.raises(ValueError, match="ELMo goes on from an ELMo only"):
        SMALL.fit(TEXT, start=other)


def test_a_text_without_words_has_nothing_to_foresee(learnt):
    with pytest.raises(ValueError, match="no words in"):
        learnt.surprise([""])


def test_its_words_need_no_distilling(learnt, tmp_path):
    with pytest.raises(ValueError, match="an ELMo has a table of its words already"):
        api.distil(learnt, TEXT, tmp_path / "table")
    told = api.average(learnt, TEXT, tmp_path / "averaged", contexts=3, min_count=1)
    assert (told["words"], told["dim"]) == (8, 16)
    assert len(api.senses(learnt, TEXT, "cat", clusters=2)["senses"]) == 2
    learnt.save(tmp_path / "words.txt", "word2vec-text")
    assert load(tmp_path / "words.txt").words.index_to_key == learnt.words.index_to_key


def test_layers_can_be_mixed(learnt):
    words = ["the", "cat"]
    layers = [learnt.embed_words(words, layer=layer)[1] for layer in range(3)]
    shares = np.exp([0.1, 0.3, 0.5]) / np.exp([0.1, 0.3, 0.5]).sum()
    found = learnt.embed_words(words, layer=ScalarMix((0.1, 0.3, 0.5), gamma=1.1))[1]
    assert near(found, 1.1 * np.einsum("k,kwd->wd", shares, layers))
    one = ScalarMix((-9e10, 1.0, -9e10))
    assert near(learnt.embed_words(words, layer=one)[1], layers[1])
    with pytest.raises(ValueError, match="the mix has 2 weights, the network 2 layers and its input"):
        learnt.embed(["the cat"], layer=ScalarMix((0.0, 1.0)))


def test_a_mix_is_learnt_on_a_task(learnt):
    """Labels that say what stands beside a word, which its own vector does not know."""
    random = np.random.default_rng(0)
    words = ["the", "cat", "drinks", "milk", "a", "ship", "sails", "west"]
    texts = [random.choice(words, 2, replace=False).tolist() for _ in range(120)]
    first = [" ".join(text) for text in texts]
    mix = learnt_mix(learnt, first, [text[0] for text in texts])
    assert len(mix.weights) == 3
    assert mix == learnt_mix(learnt, first, [text[0] for text in texts])
    assert sum(mix.shares) == pytest.approx(mix.gamma)
    assert mix.shares[0] < max(mix.shares[1:])
    with pytest.raises(ValueError, match="2 are needed"):
        learnt_mix(learnt, ["a", "b"], ["same", "same"])


def test_commands(learnt, tmp_path, run):
    learnt.save(tmp_path / "model")
    (tmp_path / "text").write_text("\n".join(" ".join(words) for words in TEXT))
    assert "cat" in run("neighbors", tmp_path / "model", "milk").out
    told = run("perplexity", tmp_path / "model", tmp_path / "text", "--tokenizer", "whitespace").out
    assert "forwards" in told
    assert "backwards" in told
    assert run("tokens", tmp_path / "model", "the kat").status == 0
    planned = run("train", "elmo", tmp_path / "text", "--dry-run", "--cell", "12", "--threads", "1", "--json")
    assert json.loads(planned.out)["dim"] == 256, "as its size says"
    result = api.tokens(tmp_path / "model", "the kat")
    assert [each["known"] for each in result] == [True, False]
    ran = run("embed", tmp_path / "model", "the cat", "--output", tmp_path / "v.npy")
    assert ran.status == 0
    assert np.load(tmp_path / "v.npy").shape == (1, 16)
