"""The functions behind the commands: what they return, what they refuse, and what they never lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordfield as wf
from support import JIT_OFF
from wordfield import api

SMALL = {"dim": 8, "min_count": 1, "epochs": 2, "threads": 1, "subsample": 0.0}


@pytest.fixture
def recipe() -> wf.Word2Vec:
    return wf.Word2Vec(**SMALL)


def test_train_returns_what_the_command_prints(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    result = api.train(recipe, str(text), tmp_path / "model")
    words = text.read_text().split()
    assert result["recipe"] == "word2vec"
    assert result["tokens"] == result["known_tokens"] == len(words)
    assert result["vocabulary"] == len(set(words))
    assert result["dim"] == 8
    assert set(result["seconds"]) == {"read", "train"}
    assert result["words_per_second"] > 0
    assert len(result["loss"]) == 2
    assert result["out"] == str(tmp_path / "model")
    assert len(api.load(result["out"]).words) == result["vocabulary"]


def test_training_goes_on_from_a_path_with_new_words(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    api.train(recipe, str(text), tmp_path / "first")
    result = api.train(recipe, ["the zebra sees the king"] * 5, tmp_path / "second", start=tmp_path / "first")
    assert result["vocabulary"] == len(api.load(tmp_path / "first").words) + 2
    assert "zebra" in api.load(tmp_path / "second").words


def test_a_recipe_may_write_word2vec_files(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    for name in ("model.txt", "model.bin"):
        api.train(recipe, str(text), tmp_path / name)
        assert len(api.load(tmp_path / name).words) > 0


def refuse_to_train(recipe: wf.Word2Vec, text: Path, out: Path, error: type[Exception]) -> str:
    """The message with which training is refused before the first step."""
    steps: list[int] = []
    with pytest.raises(error) as caught:
        api.train(recipe, str(text), out, progress=lambda done, total, **measures: steps.append(done))
    assert steps == []
    return str(caught.value)


def test_training_over_a_file_that_is_no_model_is_refused_at_once(recipe: wf.Word2Vec, text: Path) -> None:
    before = text.read_bytes()
    assert "no model" in refuse_to_train(recipe, text, text, FileExistsError)
    assert text.read_bytes() == before


def test_training_over_a_folder_of_something_else_is_refused_at_once(
    recipe: wf.Word2Vec, text: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    refuse_to_train(recipe, text, tmp_path / "photos", FileExistsError)
    assert [file.name for file in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_training_to_a_place_that_cannot_be_written_is_refused_at_once(recipe: wf.Word2Vec, text: Path) -> None:
    refuse_to_train(recipe, text, Path("/proc/wordfield"), OSError)
    refuse_to_train(recipe, text, text / "below-a-file", OSError)


def test_an_unknown_ending_is_refused_at_once(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    assert ".docx" in refuse_to_train(recipe, text, tmp_path / "model.docx", ValueError)


def interrupt_training(recipe: wf.Word2Vec, text: Path, out: Path) -> str:
    """Ctrl-C in the middle of the second epoch; the message."""

    def stop(done: int, total: int, **measures: Any) -> None:
        if measures.get("epoch", 0) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        api.train(recipe, str(text), out, progress=stop)
    return str(caught.value)


@pytest.mark.parametrize("name", ["model", "model.bin"])
def test_an_interrupted_training_keeps_what_it_learnt_and_the_old_result(
    recipe: wf.Word2Vec, text: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    api.train(wf.Word2Vec(**{**SMALL, "dim": 5}), str(text), out)
    message = interrupt_training(recipe, text, out)
    assert f"{out}.partial" in message
    assert api.load(out).dim == 5
    assert api.load(f"{out}.partial").dim == 8


def test_a_result_that_cannot_be_saved_is_kept_elsewhere(
    recipe: wf.Word2Vec, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wordfield.static import StaticModel

    save = StaticModel.save

    def full(self: StaticModel, path: Path, format: str | None = None) -> None:
        if Path(path) == tmp_path / "model":
            raise OSError(28, "No space left on device", str(path))
        save(self, path, format)

    monkeypatch.setattr(StaticModel, "save", full)
    with pytest.raises(OSError, match=r"No space left.*kept in") as caught:
        api.train(recipe, str(text), tmp_path / "model")
    kept = str(caught.value).rpartition("kept in ")[2]
    assert api.load(kept).dim == 8


def test_info_says_what_a_model_is(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    api.train(recipe, str(text), tmp_path / "model")
    told = api.info(tmp_path / "model")
    assert told["kind"] == "word2vec"
    assert told["format"] == "native"
    assert told["dim"] == 8
    assert told["recipe"]["dim"] == 8
    assert told["history"]["corpus"] == str(text)
    assert told["bytes"] == sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
    json.dumps(told)
    assert api.info(api.load(tmp_path / "model"))["recipe"] == told["recipe"]


def test_neighbors_are_asked_for_once_each(vectors: Path) -> None:
    found = api.neighbors(vectors, ["king", "苹果", "king"], k=2)
    assert list(found) == ["king", "苹果"]
    assert found["苹果"][0][0] == "apple"
    assert [len(near) for near in found.values()] == [2, 2]


def test_similarity_and_analogy(vectors: Path) -> None:
    assert api.similarity(vectors, "king", "queen") == pytest.approx(0.5)
    assert api.analogy(vectors, "man", "woman", "king", k=1)[0][0] == "queen"
    assert api.analogy(vectors, "man", "woman", "king", k=1, method="mul")[0][0] == "queen"


def test_an_unknown_word_is_answered_with_near_ones(vectors: Path) -> None:
    with pytest.raises(KeyError, match="king"):
        api.neighbors(vectors, ["kinq"])


def test_embed_is_the_mean_of_the_known_words(vectors: Path, caplog: pytest.LogCaptureFixture) -> None:
    matrix = api.embed(vectors, ["King, unheard man", "nobody"])
    assert matrix.tolist() == [[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    assert "1 of 2 texts" in caplog.text


def test_embed_writes_a_matrix_or_lines(vectors: Path, tmp_path: Path) -> None:
    matrix = api.embed(vectors, ["king", "苹果"], tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), matrix)
    api.embed(vectors, ["king", "苹果"], tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert lines == [{"text": "king", "vector": [1, 0, 1]}, {"text": "苹果", "vector": [0, 0.5, -1]}]
    with pytest.raises(ValueError, match=r"\.npy or \.jsonl"):
        api.embed(vectors, ["king"], tmp_path / "out.docx")


def test_convert_says_what_is_left_out(recipe: wf.Word2Vec, text: Path, tmp_path: Path) -> None:
    api.train(recipe, str(text), tmp_path / "model")
    result = api.convert(tmp_path / "model", tmp_path / "model.txt")
    assert result["format"] == "word2vec-text"
    assert len(result["lost"]) >= 2
    there = api.load(tmp_path / "model.txt")
    assert there.words.index_to_key == api.load(tmp_path / "model").words.index_to_key
    assert api.convert(tmp_path / "model.txt", tmp_path / "again")["lost"] == []


def test_convert_refuses_a_word_with_a_space_and_leaves_the_old_file(tmp_path: Path) -> None:
    words = wf.WordVectors(wf.Vocabulary(["New York"]), _dense([[1.0, 2.0]]))
    words.save(tmp_path / "model")
    (tmp_path / "out.txt").write_text("1 2\nold 1 2\n")
    with pytest.raises(ValueError, match="New York"):
        api.convert(tmp_path / "model", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "1 2\nold 1 2\n"


def test_evaluate_scores_files_and_folders(vectors: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "pairs.txt").write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\nking unheard 3\n")
    (folder / "questions.txt").write_text(": family\nman woman king queen\nman woman king unheard\n")
    results = {result["dataset"]: result for result in api.evaluate(vectors, [folder])["results"]}
    assert results["pairs"]["pairs"] == 5
    assert results["pairs"]["covered"] == 4
    assert results["pairs"]["metric"] == "spearman"
    assert results["questions"]["value"] == 1.0
    assert {result["oov"] for result in results.values()} == {"skip"}
    only = api.evaluate(vectors, [folder], suite="analogy")["results"]
    assert [result["task"] for result in only] == ["analogy"]


@pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")
def test_demo_finds_what_python_says_of_months_and_truth(tmp_path: Path) -> None:
    result = api.demo(tmp_path / "model")
    near = {word: [other for other, _ in found] for word, found in result["neighbors"].items()}
    assert {"day", "year"} & set(near["month"])
    assert near["true"][0] == "false"
    assert result["analogies"]
    again = api.load(tmp_path / "model").words.most_similar("month", k=7)
    assert dict(again) == pytest.approx(dict(result["neighbors"]["month"]), abs=1e-5)


def _dense(rows: list[list[float]]) -> Any:
    from wordfield.storage import Dense

    return Dense(np.array(rows, dtype=np.float32))


def test_a_place_that_takes_no_file_is_refused_by_its_own_name(recipe, text, tmp_path, monkeypatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(30, "Read-only file system", "/some/tmpname")

    monkeypatch.setattr(api.models.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match="Read-only") as caught:
        api.train(recipe, str(text), tmp_path / "model")
    assert caught.value.filename == str(tmp_path / "model")


def test_where_the_model_is_kept_is_said_without_a_number_of_the_system(recipe, text, tmp_path, monkeypatch) -> None:
    real, done = wf.static.StaticModel.save, []

    def full(self: Any, path: Path, format: str | None = None) -> None:
        done.append(path)
        if len(done) == 1:
            raise OSError(28, "No space left on device", str(path))
        real(self, path, format)

    monkeypatch.setattr(wf.static.StaticModel, "save", full)
    monkeypatch.setattr(api.models.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match="No space left on device; the trained model is kept in") as caught:
        api.train(recipe, str(text), tmp_path / "model")
    assert "Errno" not in str(caught.value)
    assert wf.load(done[1]).dim == 8


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_vectors_that_do_not_fit_on_the_disk_say_so(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "full.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        api.embed(vectors, ["king"] * 100_000, tmp_path / "full.npy")
    assert caught.value.filename == "/dev/full"


def test_no_texts_make_an_empty_matrix(vectors: Path, tmp_path: Path) -> None:
    api.embed(vectors, [], tmp_path / "none.npy")
    assert np.load(tmp_path / "none.npy").shape == (0, 3)


def test_going_on_with_text_cut_otherwise_is_warned_of(
    recipe: wf.Word2Vec, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.train(recipe, text, tmp_path / "first")
    api.train(recipe, text, tmp_path / "second", start=tmp_path / "first")
    assert not caplog.records
    api.train(recipe, wf.Corpus(text, tokenizer="whitespace"), tmp_path / "third", start=tmp_path / "first")
    assert "this corpus is cut by Tokenizer(name='whitespace'" in caplog.text


def test_tokens_tell_of_which_rows_a_word_is_made(text: Path, tmp_path: Path) -> None:
    plain = wf.Word2Vec(**SMALL).fit(wf.Corpus(str(text)))
    known, unknown = api.tokens(plain, "king, zebra")
    rows = [plain.words.key_to_index["king"]]
    assert known == {"word": "king", "known": True, "origin": "its own row", "rows": rows, "ngrams": []}
    assert unknown == {"word": "zebra", "known": False, "origin": "nothing", "rows": [], "ngrams": []}
    parts = wf.FastText(**SMALL, minn=3, maxn=4, bucket=5000).fit(wf.Corpus(str(text)))
    parts.save(tmp_path / "parts")
    known, unknown = api.tokens(tmp_path / "parts", "king kings")
    assert [each["ngram"] for each in known["ngrams"]] == ["<ki", "<kin", "kin", "king", "ing", "ing>", "ng>"]
    assert all(each["known"] for each in known["ngrams"])
    assert known["rows"] == [parts.words.key_to_index["king"], *(each["row"] for each in known["ngrams"])]
    assert not unknown["known"]
    assert (known["origin"], unknown["origin"]) == ("its own row and n-grams, 7 of 7 known", "n-grams, 5 of 9 known")
    seen = [each["ngram"] for each in unknown["ngrams"] if each["known"]]
    assert seen == ["<ki", "<kin", "kin", "king", "ing"]
    rows = np.array(unknown["rows"])
    np.testing.assert_allclose(parts.words["kings"], parts.words.storage.take(rows).mean(axis=0), rtol=1e-5)


def test_what_a_file_does_not_keep_of_a_trained_model_is_told(
    text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = wf.FastText(**SMALL, bucket=500)
    api.train(recipe, str(text), tmp_path / "parts.vec")
    assert "parts.vec is written as word2vec-text, which does not keep" in caplog.text
    caplog.clear()
    api.train(recipe, str(text), tmp_path / "parts.bin")
    assert caplog.text == ""
    assert len(api.load(tmp_path / "parts.bin").words["kings"]) == 8


def test_questions_about_unknown_words_are_answered_as_the_policy_says(vectors: Path) -> None:
    for ask in (
        lambda unknown: api.neighbors(vectors, ["kinq"], unknown=unknown),
        lambda unknown: api.similarity(vectors, "kinq", "man", unknown=unknown),
        lambda unknown: api.analogy(vectors, "kinq", "man", "woman", unknown=unknown),
        lambda unknown: api.matrix(vectors, ["kinq"], unknown=unknown),
        lambda unknown: api.tokens(vectors, "kinq", unknown="raise"),
        lambda unknown: api.embed(vectors, ["kinq"], unknown="raise"),
    ):
        for unknown in (None, "raise"):
            with pytest.raises(KeyError, match="'kinq' is not among the 6 words"):
                ask(unknown)
    near = api.neighbors(vectors, ["king", "kinq"], k=3, unknown="spelling")
    assert near["kinq"] == near["king"]  # the word that stands in is no neighbour either
    assert api.neighbors(vectors, ["kinq", "king"], k=3, unknown="skip") == {"kinq": [], "king": near["king"]}
    rarest = api.neighbors(vectors, ["kinq"], k=1, unknown=wf.Unknown("rare", rarest=2))
    assert rarest["kinq"][0][0] == "苹果"
    assert api.neighbors(vectors, ["kinq"], unknown="zero")["kinq"] == []
    assert api.similarity(vectors, "kinq", "queen", unknown="spelling") == pytest.approx(0.5)
    assert api.similarity(vectors, "kinq", "queen", unknown="zero") == 0
    assert api.similarity(vectors, "kinq", "queen", unknown="subword") is None
    for method in ("add", "mul"):
        answers = api.analogy(vectors, "man", "woman", "kinq", k=9, method=method, unknown="spelling")
        assert answers == api.analogy(vectors, "man", "woman", "king", k=9, method=method)
        assert len(api.analogy(vectors, "man", "woman", "zebra", k=9, method=method, unknown="rare")) == 4
    assert api.analogy(vectors, "man", "woman", "kinq", unknown="skip") == []
    told = api.asking.origins(vectors, ["king", "kinq", "zebra"], "spelling")
    assert told == {"kinq": "the spelling 'king', 1 edit", "zebra": "nothing"}
    with pytest.raises(ValueError, match="unknown policy 'guess'"):
        api.neighbors(vectors, ["king"], unknown="guess")  # type: ignore[arg-type]


def test_words_with_n_grams_are_asked_for_as_before_unless_they_shall_not(text: Path) -> None:
    parts = wf.FastText(**SMALL, minn=3, maxn=4, bucket=500).fit(wf.Corpus(str(text)))
    assert api.neighbors(parts, ["kings"], 3)["kings"] == parts.words.most_similar("kings", 3)
    assert api.similarity(parts, "kings", "king") == parts.words.similarity("kings", "king")
    assert api.matrix(parts, ["kings", "king"])["words"] == ["kings", "king"]
    assert api.analogy(parts, "kings", "king", "queens", 2) == parts.words.analogy("kings", "king", "queens", 2)
    with pytest.raises(KeyError, match="'kings' is not among"):
        api.neighbors(parts, ["kings"], unknown="raise")


def test_the_matrix_of_counts_has_entries_of_words_that_stand_in(text: Path) -> None:
    counts = wf.Cooccurrence(min_count=1).fit(wf.Corpus(str(text)))
    told = api.matrix(counts, ["king", "kinq", "zebra"], unknown="spelling")
    assert (told["words"], told["kind"]) == (["king", "kinq"], "counts")
    own = api.matrix(counts, ["king", "the"])["values"]
    spelled = api.matrix(counts, ["kinq", "the", "zebra"], unknown="spelling")["values"]
    assert spelled == own
    zeros = np.array(api.matrix(counts, ["king", "kinq", "the"], unknown="zero")["values"])
    assert not zeros[1].any()
    assert not zeros[:, 1].any()
    assert zeros[np.ix_([0, 2], [0, 2])].tolist() == own
    with pytest.raises(ValueError, match="'kinq': the mean of the 11 rarest words has no entry of the matrix"):
        api.matrix(counts, ["kinq"], unknown="rare")


def test_tokens_tell_what_unknown_words_are_made_of(vectors: Path) -> None:
    told = api.tokens(vectors, "king kinq zebra", unknown="spelling")
    assert [each["origin"] for each in told] == ["its own row", "the spelling 'king', 1 edit", "nothing"]
    assert [each["rows"] for each in told] == [[0], [0], []]
    assert [each["known"] for each in told] == [True, False, False]
    (rare,) = api.tokens(vectors, "zebra", unknown=wf.Unknown("rare", rarest=2))
    assert (rare["origin"], rare["rows"]) == ("the mean of the 2 rarest words", [4, 5])


def test_embed_counts_where_vectors_come_from(vectors: Path, tmp_path: Path) -> None:
    texts = ["king kinq zebra"]
    matrix, words = api.asking.embedded(vectors, texts, tmp_path / "out.npy", "spelling")
    assert words == {"its own row": 1, "another spelling": 1, "nothing": 1}
    assert matrix.tolist() == [[1, 0, 1]]
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), matrix)
    np.testing.assert_allclose(api.embed(vectors, texts, unknown="zero"), [[1 / 3, 0, 1 / 3]], rtol=1e-6)


def test_a_classifier_embeds_in_its_own_way(text: Path, tmp_path: Path) -> None:
    lines = [f"__label__{number % 2} {line}" for number, line in enumerate(text.read_text().splitlines())]
    model = wf.Classifier(dim=4, epochs=1, threads=1).fit(lines)
    assert api.asking.embedded(model, ["the king"])[1] is None
    with pytest.raises(ValueError, match="a classifier leaves those without rows out"):
        api.embed(model, ["the king"], unknown="spelling")
    with pytest.raises(ValueError, match="can be chosen for word vectors, not for classifiers"):
        api.evaluate(model, [text], unknown="skip")
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("king queen 9\nking water 1\nqueen land 3\n")
    with pytest.raises(ValueError, match="model 2: classifiers are scored on their labels one at a time"):
        api.evaluate([wf.OneHot(min_count=1).fit(wf.Corpus(str(text))), model], [pairs])
    result = api.evaluate([model, model], [pairs], suite="similarity")
    assert result["models"] == ["model 1", "model 2"]


@pytest.fixture
def beside(tmp_path: Path) -> tuple[list[Path], Path]:
    """Two models, of which one knows more words, and a folder of two sets."""
    draw = np.random.default_rng(1)
    words = [f"word{number}" for number in range(40)]
    matrix = draw.normal(size=(40, 5)).astype(np.float32)
    places = []
    for name, known in (("most", 30), ("all", 40)):
        places.append(tmp_path / f"{name}.txt")
        wf.WordVectors(wf.Vocabulary(words[:known]), _dense(matrix[:known])).save(places[-1])
    folder = tmp_path / "sets"
    folder.mkdir()
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    rows = [f"word{a} word{a + 1} {5 + 5 * unit[a] @ unit[a + 1]:.4f}" for a in range(39)]
    (folder / "pairs.txt").write_text("\n".join(rows) + "\n")
    (folder / "questions.txt").write_text(": s\nword0 word1 word2 word3\nword35 word36 word37 word38\n")
    return places, folder


def test_models_are_evaluated_beside_each_other(beside: tuple[list[Path], Path]) -> None:
    models, folder = beside
    result = api.evaluate(models, [folder])
    assert result["models"] == [str(model) for model in models]
    pairs, questions = result["results"]
    assert (pairs["dataset"], pairs["pairs"], pairs["shared"]) == ("pairs", 39, 29)
    assert [value["covered"] for value in pairs["values"]] == [29, 39]
    assert [value["on_shared"]["value"] for value in pairs["values"]] == [1.0, 1.0]
    assert (questions["dataset"], questions["shared"]) == ("questions", 2)  # one model covers one, and takes no part
    for number, model in enumerate(models):
        for alone, both in zip(api.evaluate(model, [folder])["results"], (pairs, questions), strict=True):
            assert {name: both["values"][number][name] for name in alone if name in both["values"][number]} == {
                name: value for name, value in alone.items() if name not in ("task", "dataset", "metric")
            }
    json.dumps(result)
    zeros = api.evaluate(models, [folder], unknown="zero")["results"]
    assert [value["covered"] for value in zeros[0]["values"]] == [39, 39]
    assert {value["oov"] for value in zeros[0]["values"]} == {"zero"}
    assert zeros[0]["best"] == str(models[1])
    assert set(api.evaluate(models[:1], [folder])) == {"model", "results"}
    with pytest.raises(KeyError, match="word30"):
        api.evaluate(models, [folder], unknown="raise")
    with pytest.raises(ValueError, match="there is no model to score"):
        api.evaluate([], [folder])


def test_models_without_common_words_are_told(
    vectors: Path, beside: tuple[list[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    models, folder = beside
    (folder / "other.txt").write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\n")
    result = api.evaluate([models[0], vectors], [folder], suite="similarity")
    assert not caplog.records
    both = api.evaluate([models[0], vectors], [folder / "other.txt"])["results"][0]
    assert (both["shared"], both["best"]) == (4, None)
    assert [each["shared"] for each in result["results"]] == [4, 29]
    (folder / "mixed.txt").write_text("king queen 9\nman woman 8\nword1 word2 1\nword3 word4 2\n")
    mixed = api.evaluate([models[0], vectors], [folder / "mixed.txt"])["results"][0]
    assert (mixed["shared"], mixed["best"], mixed["differences"]) == (0, None, [])
    assert "there is no item of any set that all models cover" in caplog.text
