"""The recipe as its user sees it: what it learns, repeats, goes on with and refuses, and what ``transformers`` makes of
it.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from support import PLAIN, Stop
from worlds import sentences

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import BERT, api, load  # noqa: E402
from wordfield.models import runs  # noqa: E402
from wordfield.models.sequence.bert import Guessing  # noqa: E402
from wordfield.models.sequence.masked_language_model import MaskedLanguageModel  # noqa: E402
from wordfield.models.sequence.masking import Masking  # noqa: E402
from wordfield.models.sequence.operations import geglu, token_losses  # noqa: E402
from wordfield.models.sequence.streams import Noise  # noqa: E402

SMALL = BERT(
    dim=12,
    layers=2,
    heads=2,
    inner=16,
    context=12,
    pieces=70,
    min_count=1,
    batch=4,
    epochs=2,
    heldout=0.1,
    checks=4,
    device="cpu",
    precision="float32",
    threads=1,
)


TEXT = sentences(120)
WORDS = [sentence.split() for sentence in TEXT]


def same(one, other):
    one, other = one.network.tensors, other.network.tensors
    return [*one] == [*other] and all(np.array_equal(one[name], other[name]) for name in one)


def stopped(recipe, stop, start=None):
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(WORDS, stop, start=start)
    return caught.value.partial


@pytest.mark.parametrize("architecture", ["modern", "classic"])
def test_it_learns_what_stands_between_what(architecture):
    recipe = replace(SMALL, architecture=architecture, dim=24, inner=48, batch=8, epochs=80, learning_rate=5e-3)
    model = replace(recipe, warmup=0.1).fit(WORDS)
    assert model.history["loss"][-1] < 0.7 < model.history["loss"][0]
    assert model.fill("the [MASK] drinks milk", 1) == [[("cat", pytest.approx(1, abs=0.4))]]
    assert model.fill("a ship sails [MASK]")[0][0][0] == "west"
    assert len(model.fill("a [MASK] sails [MASK]", 2)) == 2
    found = model.guess(WORDS)
    assert found.accuracy > 0.7
    assert found.tokens > 50


def test_what_it_remembers():
    model = SMALL.fit(WORDS)
    assert model.recipe == SMALL.described() == {"model": "bert", **model.recipe}
    assert model.words.vocabulary.words[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert model.words.vocabulary.counts[3] == 120
    history = model.history
    assert history["corpus_tokens"] == history["known_tokens"] == 480
    assert history["tokens"] == history["steps"] * SMALL.batch * SMALL.context
    assert len(history["loss"]) == len(history["heldout"]) == len(history["accuracy"]) == 4
    assert model.info()["kind"] == "bert"
    assert model.info()["network"]["architecture"] == "modernbert"
    assert model.tied


def test_sizes_say_what_is_not_said():
    tiny = BERT()
    assert (tiny.sized().layers, tiny.sized().dim, tiny.sized().heads) == (2, 128, 2)
    small = BERT(size="small", layers=1)
    assert (small.sized().layers, small.sized().dim, small.sized().heads) == (1, 512, 8)
    assert replace(tiny, size="mini").described()["dim"] == 256
    with pytest.raises(ValueError, match="dim must be an even number for each of heads=3"):
        BERT(heads=3)
    with pytest.raises(ValueError, match="size must be one of tiny, mini, small"):
        BERT(size="huge")
    with pytest.raises(ValueError, match="masked must be a share"):
        BERT(masked=0.0)


@pytest.mark.parametrize(("steps", "check", "threads"), [(1, False, 1), (6, True, 1), (5, False, 2)])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, steps, check, threads):
    recipe = replace(SMALL, threads=threads, dropout=0.1)
    whole = recipe.fit(WORDS)
    partial = stopped(recipe, Stop(steps, check))
    partial.save(tmp_path / "partial")
    model = recipe.fit(WORDS, start=load(tmp_path / "partial"))
    assert model.history["resumed"] == partial.history["tokens"] > 0
    assert same(model, whole)
    assert {name: model.history[name] for name in PLAIN} == {name: whole.history[name] for name in PLAIN}


def test_the_same_seed_gives_the_same_model():
    one = SMALL.fit(WORDS)
    assert same(one, SMALL.fit(WORDS))
    assert not same(one, replace(SMALL, seed=2).fit(WORDS))


def test_held_out_text_has_the_same_masks_at_each_check():
    model = SMALL.fit(WORDS, validation=WORDS[:20])
    found = model.guess(WORDS[:20], SMALL.masked)
    assert found.loss == pytest.approx(model.history["heldout"][-1], abs=1e-5)
    assert found.accuracy == model.history["accuracy"][-1]


def test_training_goes_on_with_other_text():
    """Domain adaptation: the vocabulary and the network stay, the text is another."""
    model = SMALL.fit(WORDS)
    again = replace(SMALL, epochs=12, learning_rate=1e-2).fit([["the", "ship", "drinks", "west"]] * 60, start=model)
    assert again.words.vocabulary.words == model.words.vocabulary.words
    assert again.fill("the [MASK] drinks west", 1)[0][0][0] == "ship"
    with pytest.raises(ValueError, match=r"reads 12 tokens, not context=13"):
        replace(SMALL, context=13).fit(WORDS, start=model)
    with pytest.raises(ValueError, match="goes on from one only"):
        SMALL.fit(WORDS, start=llm())


def llm():
    from wordfield import LLM

    return LLM(dim=8, layers=1, heads=2, context=6, batch=4, epochs=1, min_count=1, pieces=60, threads=1).fit(WORDS)


def test_pieces_are_learnt_where_nobody_says_what_words_are(tmp_path):
    model = SMALL.fit(TEXT)
    assert model.tokenizer.name == "subwords"
    assert model.words.vocabulary.words[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(model.words) <= SMALL.pieces
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").fill("the cat [MASK]") == model.fill("the cat [MASK]")


@pytest.mark.parametrize("architecture", ["modern", "classic"])
def test_what_is_trained_here_is_loaded_there(tmp_path, architecture):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers", reason="needs the library transformers")
    model = replace(SMALL, architecture=architecture).fit(TEXT)
    model.save(tmp_path / "model")
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    cut = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    asked = cut("the cat [MASK] milk", return_tensors="pt")
    assert asked["input_ids"][0].tolist() == [2, *model.tokens.rows("the cat"), 4, *model.tokens.rows("milk"), 3]
    with torch.no_grad():
        found = theirs(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], output_hidden_states=True)
    place = asked["input_ids"][0].tolist().index(4)
    shares = torch.softmax(found.logits[0, place], 0)
    for token, share in model.fill("the cat [MASK] milk", 10)[0]:
        assert float(shares[model.words.vocabulary.index[token]]) == pytest.approx(share, abs=1e-5)
    asked = cut("the ship", return_tensors="pt")
    with torch.no_grad():
        states = theirs(**{name: asked[name] for name in ("input_ids", "attention_mask")}, output_hidden_states=True)
    rows = model.states([model.tokens.rows("the ship")])[0]
    np.testing.assert_allclose(rows, states.hidden_states[-1][0, 1:-1], rtol=0, atol=1e-4)
    assert isinstance(MaskedLanguageModel.load(tmp_path / "model"), MaskedLanguageModel)


def test_a_chinese_corpus_is_learnt_by_character_and_masked_by_word():
    text = ["北京大学在北京", "我们研究生命的起源", "他在北京大学研究生命"] * 20
    model = replace(SMALL, pieces=60, context=16).fit(text)
    assert {"北", "京", "学"} <= {*model.words.vocabulary.words}
    words, vectors = model.embed_words(["北京大学", "研究"])
    assert words == ["北京大学", "研究"]
    assert vectors.shape == (2, 12)
    assert [len(found) for found in model.fill("北[MASK]大[MASK]", 3)] == [3, 3]


def test_stretches_have_a_beginning_and_something_to_guess():
    model = SMALL.fit(WORDS)
    names = model.words.vocabulary.words
    examples = Guessing(Noise(200, len(names)), 11, 4, 1, model.specials, Masking(names, model.specials, 0.25))
    batch = examples.batch(0, 1, 4)
    assert batch.shape == (4, 2, 12)
    assert (batch[:, 0, 0] == model.specials.begin).all()
    assert ((batch[:, 1] >= 0).sum(1) > 0).all()
    assert (batch[:, 1, 0] == -1).all()
    assert examples.tokens(batch) == 48


def test_only_masked_places_have_losses_and_their_gradients_are_right():
    network = SMALL.network(SMALL.fit(WORDS).tokens).double()
    ids = torch.randint(5, 13, (3, 12), generator=torch.Generator().manual_seed(1))
    targets = torch.where(torch.rand(ids.shape, generator=torch.Generator().manual_seed(2)) < 0.3, ids, -1)
    batch = torch.stack([ids, targets], 1)
    losses = network.losses(batch)
    assert losses.shape == ((targets >= 0).sum(),)
    with torch.no_grad():
        logits = network.guess(network.states(packed(ids))[-1])
        plain = torch.nn.functional.cross_entropy(logits, targets.flatten(), ignore_index=-1, reduction="none")
    torch.testing.assert_close(losses.detach(), plain[targets.flatten() >= 0])
    gradients = torch.autograd.grad(losses.sum(), [*network.parameters()])
    random = np.random.default_rng(1)
    for (name, weight), gradient in zip(network.named_parameters(), gradients, strict=True):
        place = int(random.integers(weight.numel()))
        step, flat = 1e-6, weight.data.view(-1)
        with torch.no_grad():
            sides = []
            for sign in (1, -1):
                flat[place] += sign * step
                sides.append(network.losses(batch).sum().item())
                flat[place] -= sign * step
        assert gradient.view(-1)[place].item() == pytest.approx((sides[0] - sides[1]) / 2 / step, abs=1e-5), name


def packed(ids):
    from wordfield.models.sequence.encoder import Packed

    return Packed.of(ids.flatten(), [ids.shape[1]] * len(ids))


def test_the_gate_and_the_bias_have_the_gradients_of_their_formulas():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(geglu, x)
    first, second = x.chunk(2, -1)
    torch.testing.assert_close(geglu(x), torch.nn.functional.gelu(first) * second)
    table, bias = (
        torch.randn(*size, dtype=torch.float64, generator=generator, requires_grad=True) for size in ((5, 6), (5,))
    )
    targets = torch.tensor([0, 4, 2, 2])
    assert torch.autograd.gradcheck(lambda *given: token_losses(*given[:2], targets, given[2]).sum(), (x, table, bias))
    plain = torch.nn.functional.cross_entropy(x @ table.T + bias, targets, reduction="none")
    torch.testing.assert_close(token_losses(x, table, targets, bias), plain)
    assert token_losses(x[:0], table, targets[:0], bias).shape == (0,)


def test_a_dry_run_says_what_to_expect(monkeypatch):
    monkeypatch.setattr(runs.Trial, "SECONDS", 0.1)
    told = api.plan(SMALL, TEXT * 20)
    assert told["recipe"] == "bert"
    assert told["vocabulary"] == pytest.approx(len(SMALL.fit(TEXT).words), abs=5)
    assert told["dim"] == 12
    assert told["seconds"]["train"] > 0


def test_a_corpus_shorter_than_a_context_is_refused():
    with pytest.raises(ValueError, match="context=12 needs more than 24"):
        SMALL.fit(WORDS[:4])


def test_it_trains_from_the_command_line(tmp_path, run):
    (tmp_path / "text").write_text("\n".join(TEXT), "utf-8")
    small = [f"--{name}={getattr(SMALL, name)}" for name in ("dim", "layers", "heads", "context", "batch", "epochs")]
    done = run("train", "bert", tmp_path / "text", "--pieces=70", "--threads=1", *small, "--out", tmp_path / "m")
    assert done.status == 0, done.err
    assert "perplexity" in done.out
    assert run("fill", tmp_path / "m", "the [MASK] drinks", "-k", 3).out.count("\n") == 3
    told = run("masked-accuracy", tmp_path / "m", tmp_path / "text").out
    assert "accuracy" in told
    assert run("tokens", tmp_path / "m", "the cat").status == 0
    assert run("info", tmp_path / "m").status == 0
