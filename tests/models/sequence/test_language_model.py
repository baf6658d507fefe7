"""What training gives: vectors in context, how surprising a text is, how it goes on; and the commands that show it."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import Corpus, api  # noqa: E402
from wordfield.formats.table import FormatError  # noqa: E402
from wordfield.models import runs  # noqa: E402
from wordfield.models.sequence import language_model  # noqa: E402
from wordfield.models.sequence.language_model import LanguageModel, _drawn  # noqa: E402
from wordfield.models.sequence.llm import LLM  # noqa: E402
from wordfield.models.sequence.windows import windows  # noqa: E402

RECIPE = LLM(
    dim=12,
    layers=2,
    heads=2,
    inner=16,
    context=8,
    pieces=70,
    min_count=1,
    batch=4,
    epochs=8,
    heldout=0.0,
    learning_rate=1e-2,
    device="cpu",
    precision="float32",
    threads=1,
)
TEXT = ["the cat drinks milk in the house", "a ship sails west over the sea", "国王 rules the land 和 the sea"] * 12
CONTEXT = RECIPE.context
LONG = " ".join(TEXT[:3] * 2)


@pytest.fixture(scope="module")
def words():
    """A model of whole words, two tables."""
    return replace(RECIPE, tied=False).fit(Corpus(TEXT, tokenizer="whitespace"))


@pytest.fixture(scope="module")
def pieces():
    """A model of pieces, one table."""
    return RECIPE.fit(TEXT)


@pytest.fixture(params=["words", "pieces"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def saved(pieces, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "llm"
    pieces.save(path)
    return path


def by_hand(model, rows, layer):
    """The states of a text of any length, each from the one window that it is new in, the end before it left out."""
    rows, found = [model.tokens.end, *rows], []
    for first, last, new, _ in windows(len(rows), CONTEXT):
        with torch.no_grad():
            states = model.decoder.states(torch.tensor([rows[first:last]]))[layer][0].numpy()
        found += [*states[new - first :]]
    return np.array(found[1:])


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("text", ["the cat drinks", LONG], ids=["short", "long"])
def test_each_word_has_the_state_of_its_last_token(model, text, layer):
    read = model.tokens.read(text)
    found, vectors = model.embed_words(text, layer)
    states = by_hand(model, read.rows, layer)
    assert found == read.words
    assert vectors.shape == (len(found), 12)
    assert vectors.dtype == np.float32
    expected = [states[tokens[-1]] for tokens in read.tokens]
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-5)


def test_a_long_text_is_longer_than_three_contexts(model):
    assert len(model.tokens.rows(LONG)) > 3 * CONTEXT


@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_which_tokens_of_a_word_count(pieces, pooling):
    text = "cats housing westward"
    read = pieces.tokens.read(text)
    assert max(map(len, read.tokens)) > 1
    states = by_hand(pieces, read.rows, -1)
    pick = {"first": lambda each: states[each[0]], "last": lambda each: states[each[-1]]}
    expected = [pick.get(pooling, lambda each: states[each].mean(axis=0))(tokens) for tokens in read.tokens]
    np.testing.assert_allclose(pieces.embed_words(text, pooling=pooling)[1], expected, rtol=1e-5, atol=1e-5)


def test_the_first_layer_is_the_table(model):
    read = model.tokens.read(LONG)
    rows = [read.rows[tokens[-1]] for tokens in read.tokens]
    np.testing.assert_array_equal(model.embed_words(LONG, 0)[1], model.words.vectors[rows])


def test_a_word_does_not_depend_on_what_follows(model):
    short, long = model.embed_words("the cat drinks")[1], model.embed_words("the cat drinks milk over the sea")[1]
    np.testing.assert_allclose(short, long[:3], rtol=1e-5, atol=1e-5)


def test_a_word_depends_on_what_stands_before(model):
    one, other = model.embed_words("a ship sails west")[1][3], model.embed_words("the cat drinks west")[1][3]
    assert np.abs(one - other).max() > 0.01


def test_words_given_have_the_vectors_of_their_text(model):
    given, text = ["the", "cat", "sails", "west"], "the cat sails west"
    found = model.embed_words(given)
    assert found[0] == given
    np.testing.assert_allclose(found[1], model.embed_words(text)[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("odd", [["the", "", "cat"], ["new  york", "\t"], ["ξένος", "😀", "e\u0301"], [""]])
def test_one_vector_a_word_whatever_they_are(model, odd):
    found, vectors = model.embed_words(odd)
    assert found == odd
    assert vectors.shape == (len(odd), 12)
    assert np.isfinite(vectors).all()


def test_no_words_have_no_vectors(model):
    for text in ("", "  \t", []):
        found, vectors = model.embed_words(text)
        assert found == []
        assert vectors.shape == (0, 12)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_refused(model, layer):
    with pytest.raises(ValueError, match=f"layer must be from -3 to 2, not {layer}: the network has 2"):
        model.embed_words("the cat", layer)


def test_a_pooling_that_is_not_there_is_refused(model):
    with pytest.raises(ValueError, match="pooling must be one of last, first, mean, not 'best'"):
        model.embed_words("the cat", pooling="best")


def test_a_text_is_the_mean_of_its_states(model):
    texts = ["the cat drinks", "", LONG, "  ", "a ship"]
    found = model.embed(texts)
    assert found.shape == (5, 12)
    assert not found[1].any()
    assert not found[3].any()
    for vector, text in zip(found, texts, strict=True):
        if text.strip():
            expected = by_hand(model, model.tokens.rows(text), -1).mean(axis=0)
            np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("at_once", [1, 20, 4096])
def test_a_vector_does_not_depend_on_the_texts_beside_it(model, monkeypatch, at_once):
    monkeypatch.setattr(language_model, "AT_ONCE", at_once)
    texts = [LONG, "the cat", LONG[:60], "a ship sails west over the sea", "the"]
    together = model.embed(texts)
    for number, text in enumerate(texts):
        np.testing.assert_allclose(model.embed([text])[0], together[number], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.embed(texts[::-1]), together[::-1], rtol=1e-5, atol=1e-5)


def test_one_text_is_no_list(model):
    with pytest.raises(TypeError, match=r"embed takes a list of texts, not one: embed\(\[text\]\)"):
        model.embed("the cat")


def naive_losses(model, sentences):
    """The loss of each token from those that its window has before it, one at a time."""
    stream = [model.tokens.end]
    for sentence in sentences:
        stream += [*model.tokens.rows(sentence), model.tokens.end]
    found = []
    for first, last, new, _ in windows(len(stream) - 1, CONTEXT):
        for place in range(new, last):
            with torch.no_grad():
                logits = model.decoder(torch.tensor([stream[first : place + 1]]))[0, -1].double()
            found.append(-torch.log_softmax(logits, 0)[stream[place + 1]].item())
    return found


@pytest.mark.parametrize("count", [1, 3, 7])
def test_surprise_is_that_of_a_naive_loop(model, count, monkeypatch):
    monkeypatch.setattr(language_model, "AT_ONCE", 3 * CONTEXT)
    sentences = TEXT[:count]
    expected = naive_losses(model, sentences)
    found = model.surprise(sentences)
    size = sum(len(sentence.encode()) + 1 for sentence in sentences)
    assert found.tokens == len(expected)
    assert found.loss == pytest.approx(np.mean(expected), abs=1e-5)
    assert found.perplexity == pytest.approx(math.exp(np.mean(expected)), rel=1e-4)
    assert found.bits_per_byte == pytest.approx(sum(expected) / math.log(2) / size, rel=0.02)


def test_surprise_of_a_file_is_that_of_its_lines(model, tmp_path):
    (tmp_path / "text.txt").write_text("\n".join(TEXT[:5]) + "\n", "utf-8")
    one, other = model.surprise(tmp_path / "text.txt"), model.surprise(TEXT[:5])
    assert one[:2] == pytest.approx(other[:2])
    size = (tmp_path / "text.txt").stat().st_size
    assert one.bits_per_byte == pytest.approx(one.loss * one.tokens / math.log(2) / size, rel=1e-9)


def test_words_given_are_cut_as_their_text_is(model):
    lists = [sentence.split() for sentence in TEXT[:4]]
    assert model.surprise(lists).loss == pytest.approx(model.surprise(TEXT[:4]).loss, abs=1e-6)


def test_what_was_learnt_is_less_surprising(model):
    assert model.surprise(TEXT[:3]).loss < model.surprise(["sea milk ship the the cat", "over house sails"]).loss


def test_unknown_words_are_foreseen_as_such(words):
    found = words.surprise(["the ξένος sea"])
    assert found.tokens == 4
    assert math.isfinite(found.loss)


def test_surprise_tells_its_progress(model):
    told = []
    model.surprise(TEXT, lambda done, total, **_: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0


def test_nothing_is_no_surprise(model):
    with pytest.raises(ValueError, match="there are no words in 1 sentences: nothing to foresee"):
        model.surprise([""])


def test_the_coldest_continuation_takes_the_most_probable_token(model):
    rows = [model.tokens.end, *model.tokens.rows("the cat")]
    text = rows[1:]
    for _ in range(12):
        with torch.no_grad():
            logits = model.decoder(torch.tensor([rows[-CONTEXT:]]))[0, -1]
        if model.tokens.unknown is not None:
            logits[model.tokens.unknown] = -math.inf
        rows.append(int(logits.argmax()))
    assert [*model.continued("the cat", 12, 0, 0.9, 1)] == rows[1:]
    assert model.generate("the cat", 12, temperature=0) == model.tokens.text(rows[1:])
    assert model.generate("the cat", 0) == model.tokens.text(text) == "the cat"


def test_the_same_seed_goes_on_alike(model):
    texts = [model.generate("the", 20, temperature=1.5, seed=seed) for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len({*texts}) > 1
    assert all(text.startswith("the") for text in texts)


def test_nothing_can_be_gone_on_with(model):
    rows = [*model.continued("", 5, 1.0, 1.0, 1)]
    assert len(rows) == 5
    assert model.tokens.unknown not in rows


def test_the_token_for_what_is_unknown_is_never_said():
    rare = [["the", *(f"word{number}" for number in range(first, first + 9))] for first in range(0, 360, 9)]
    model = replace(RECIPE, min_count=2, epochs=2).fit(rare)
    assert model.next("the", 1)[0][0] == "<unk>", "eight of ten tokens that it was taught are unknown words"
    for temperature in (0, 1):
        assert model.tokens.unknown not in [*model.continued("the", 20, temperature, 1.0, 1)]


def test_the_most_probable_tokens_come_first(model):
    found = model.next("the cat", len(model.words))
    shares = [share for _, share in found]
    assert len({token for token, _ in found}) == len(model.words)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert model.next("the cat", 2) == found[:2]
    rows = [model.tokens.end, *model.tokens.rows("the cat")]
    with torch.no_grad():
        expected = torch.softmax(model.decoder(torch.tensor([rows]))[0, -1].double(), 0)
    assert shares == pytest.approx(sorted(expected.tolist(), reverse=True), abs=1e-6)


def test_tokens_are_drawn_by_their_probabilities():
    shares, random = np.array([0.5, 0.3, 0.15, 0.05], np.float32), np.random.default_rng(1)

    def drawn(temperature, top):
        found = [_drawn(shares, temperature, top, random) for _ in range(2000)]
        return np.bincount(found, minlength=4) / 2000

    np.testing.assert_allclose(drawn(1, 1.0), shares, atol=0.05)
    np.testing.assert_allclose(drawn(1, 0.75), [0.625, 0.375, 0, 0], atol=0.05)
    np.testing.assert_allclose(drawn(1, 0.4), [1, 0, 0, 0], atol=0)
    np.testing.assert_allclose(drawn(0.5, 1.0), shares**2 / (shares**2).sum(), atol=0.05)
    np.testing.assert_allclose(drawn(0, 1.0), [1, 0, 0, 0], atol=0)
    assert drawn(100, 1.0).min() > 0.2
    assert _drawn(np.array([0, 1, 0], np.float32), 2.0, 1.0, random) == 1


@pytest.mark.parametrize("options", [{"tokens": -1}, {"temperature": -0.1}, {"top": 0.0}, {"top": 1.1}])
def test_continuations_that_cannot_be_are_refused(model, options):
    with pytest.raises(ValueError, match=r"must be 0 or more, top=.* above 0, at most 1"):
        model.generate("the", **options)


def test_the_tables(words, pieces):
    assert pieces.tied
    assert pieces.output is pieces.words
    assert not words.tied
    assert words.output.vocabulary is words.words.vocabulary
    assert not np.array_equal(words.output.vectors, words.words.vectors)
    assert len(words.words.most_similar("cat", k=3)) == 3
    with torch.no_grad():
        states = words.decoder.states(torch.tensor([[0, 5, 6]]))[-1][0].numpy()
        logits = words.decoder(torch.tensor([[0, 5, 6]]))[0].numpy()
    np.testing.assert_allclose(logits, states @ words.output.vectors.T, atol=1e-5)


def test_saved_and_loaded_it_is_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert again.words.vocabulary.words == model.words.vocabulary.words
    assert again.words.vocabulary.counts.tolist() == model.words.vocabulary.counts.tolist()
    assert again.tokenizer == model.tokenizer
    assert again.tokens.end == model.tokens.end
    assert again.recipe == model.recipe
    assert again.history == json.loads(json.dumps(model.history))
    for text in ("the cat drinks", LONG, "ξένος 😀", ["new york", ""]):
        found, expected = again.embed_words(text), model.embed_words(text)
        assert found[0] == expected[0]
        np.testing.assert_array_equal(found[1], expected[1])
    assert again.surprise(TEXT[:4]) == model.surprise(TEXT[:4])
    assert again.generate("the", 8) == model.generate("the", 8)


def test_vectors_without_a_network_are_no_language_model(tmp_path):
    (tmp_path / "vectors.txt").write_text("2 2\na 1 0\nb 0 1\n")
    with pytest.raises(FormatError, match="there is no network in it: only vectors"):
        LanguageModel.load(tmp_path / "vectors.txt")


def test_words_of_two_languages_stay_apart(pieces):
    found, vectors = pieces.embed_words("国王统治 the land")
    assert found == ["国", "王", "统", "治", "the", "land"]
    assert len(vectors) == 6


def test_the_functions_take_a_path(saved, pieces, tmp_path):
    told = api.generate(saved, "the cat", 4, temperature=0, k=3)
    assert told == {"text": pieces.generate("the cat", 4, temperature=0), "next": pieces.next("the cat", 3)}
    found = api.perplexity(saved, TEXT[:3])
    assert found == {**pieces.surprise(TEXT[:3])._asdict(), "perplexity": pieces.surprise(TEXT[:3]).perplexity}
    (tmp_path / "vectors.txt").write_text("2 2\na 1 0\nb 0 1\n")
    for ask in (api.generate, lambda path: api.perplexity(path, TEXT)):
        with pytest.raises(ValueError, match=r"vectors\.txt is no language model that can be run here"):
            ask(tmp_path / "vectors.txt")


def options(**fields):
    """Fields of a recipe as a command line has them."""
    return [part for name, value in fields.items() for part in (f"--{name}", value)]


TINY = options(dim=8, layers=1, heads=2, context=6, batch=4, epochs=1, threads=1, pieces=60, checks=2)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(TEXT) + "\n", "utf-8")
    return path


def test_command_train(run, file, tmp_path):
    out = tmp_path / "model"
    ran = run("train", "llm", file, "--out", out, *TINY)
    assert ran.status == 0, ran.err
    assert "on text kept aside" in ran.out
    assert "in the first part" in ran.out
    assert LanguageModel.load(out).dim == 8
    ran = run("train", "llm", file, "--out", out, *TINY, "--validation", file, "--tied", "until:0.5", "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert told["recipe"] == "llm"
    assert len(told["heldout"]) == 2
    assert not LanguageModel.load(out).tied
    assert run("train", "llm", file, "--out", out, *TINY, "--no-tied").status == 0
    assert not LanguageModel.load(out).tied
    assert LanguageModel.load(out).recipe["tied"] is False
    assert run("train", "llm", file, "--out", out, *TINY, "--tied").status == 0
    assert LanguageModel.load(out).recipe["tied"] is True


def test_command_train_goes_on(run, file, saved, tmp_path):
    alike = options(dim=12, layers=2, heads=2, inner=16, context=8, batch=4, epochs=1, threads=1)
    ran = run("train", "llm", file, "--out", tmp_path / "more", *alike, "--start", saved)
    assert ran.status == 0, ran.err
    assert "cuts text by" not in ran.err
    assert LanguageModel.load(tmp_path / "more").words.vocabulary.words == LanguageModel.load(saved).words.index_to_key
    ran = run("train", "llm", file, "--out", tmp_path / "more", *TINY, "--start", saved)
    assert ran.status == 1
    assert "the model to go on from has" in ran.err


def test_command_dry_run(run, file, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.Trial, "SECONDS", 0.1)
    ran = run("train", "llm", file, "--dry-run", *TINY)
    assert ran.status == 0, ran.err
    assert "to train" in ran.out
    told = json.loads(run("train", "llm", file, "--dry-run", "--json", *TINY).out)
    assert told["recipe"] == "llm"
    assert told["memory"] > told["disk"]["result"] > 0
    assert list(tmp_path.iterdir()) == []


def test_command_generate(run, saved, pieces):
    ran = run("generate", saved, "the cat", "--tokens", 4, "--temperature", 0, "-k", 3)
    assert ran.status == 0, ran.err
    assert ran.out.startswith(pieces.generate("the cat", 4, temperature=0))
    told = json.loads(run("generate", saved, "the cat", "--tokens", 4, "--temperature", 0, "-k", 3, "--json").out)
    assert told["text"] == pieces.generate("the cat", 4, temperature=0)
    assert [token for token, _ in told["next"]] == [token for token, _ in pieces.next("the cat", 3)]
    ran = run("generate", saved, "the", "--top", 2)
    assert ran.status != 0
    assert "top" in ran.err


def test_command_perplexity(run, saved, file, pieces):
    ran = run("perplexity", saved, file)
    assert ran.status == 0, ran.err
    found = pieces.surprise(file)
    assert f"{found.tokens:,}" in ran.out
    assert f"{found.perplexity:.2f}" in ran.out
    told = json.loads(run("perplexity", saved, file, "--json").out)
    assert told["tokens"] == found.tokens
    assert told["loss"] == pytest.approx(found.loss)


def test_command_tokens(run, saved, pieces):
    told = json.loads(run("tokens", saved, "the cats sail", "--json").out)["tokens"]
    read, (words, vectors) = pieces.tokens.read("the cats sail"), pieces.embed_words("the cats sail")
    assert [each["word"] for each in told] == words == ["the", "cats", "sail"]
    assert [each["rows"] for each in told] == [[read.rows[token] for token in tokens] for tokens in read.tokens]
    for each, vector in zip(told, vectors, strict=True):
        np.testing.assert_allclose(each["vector"], vector, rtol=1e-4, atol=1e-5)
    ran = run("tokens", saved, "the cats sail")
    assert ran.status == 0, ran.err
    assert "cats" in ran.out


def test_command_embed(run, saved, pieces):
    told = json.loads(run("embed", saved, "the cat", LONG, "--json").out)
    assert told["dim"] == 12
    np.testing.assert_allclose(told["vectors"], pieces.embed(["the cat", LONG]), rtol=1e-4, atol=1e-5)
    assert run("embed", saved, "the cat").status == 0


def test_command_neighbors(run, saved, pieces):
    token = pieces.words.index_to_key[20]
    told = json.loads(run("neighbors", saved, token, "-k", 3, "--json").out)
    assert [word for word, _ in told[token]] == [word for word, _ in pieces.words.most_similar(token, k=3)]


def test_command_info(run, saved):
    ran = run("info", saved)
    assert ran.status == 0, ran.err
    assert "llm" in ran.out
    told = json.loads(run("info", saved, "--json").out)
    assert told["format"] == "checkpoint"
    assert told["kind"] == "llm"
    assert told["dim"] == 12
    assert told["recipe"]["context"] == 8


def test_command_convert(run, saved, pieces, tmp_path):
    ran = run("convert", saved, tmp_path / "vectors.txt")
    assert ran.status == 0, ran.err
    assert "network" in ran.out + ran.err, "what is lost is said"
    lines = (tmp_path / "vectors.txt").read_text("utf-8").splitlines()
    assert lines[0] == f"{len(pieces.words)} 12"
    first = lines[1].split(" ")
    assert first[0] == pieces.words.index_to_key[0]
    np.testing.assert_allclose([float(number) for number in first[1:]], pieces.words.vectors[0], rtol=1e-4)
    told = json.loads(run("convert", saved, tmp_path / "again.txt", "--json").out)
    assert told["vocabulary"] == len(pieces.words)


def test_the_order_of_windows_is_that_of_the_text():
    """What the tests above take for granted."""
    found = [*windows(3 * CONTEXT, CONTEXT)]
    assert all(one.last == other.new for one, other in pairwise(found))
