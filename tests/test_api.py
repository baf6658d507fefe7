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

    monkeypatch.setattr(api.tempfile, "TemporaryFile", full)
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
    monkeypatch.setattr(api.tempfile, "tempdir", str(tmp_path))
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
    assert known == {"word": "king", "known": True, "rows": [plain.words.key_to_index["king"]], "ngrams": []}
    assert unknown == {"word": "zebra", "known": False, "rows": [], "ngrams": []}
    parts = wf.FastText(**SMALL, minn=3, maxn=4, bucket=5000).fit(wf.Corpus(str(text)))
    parts.save(tmp_path / "parts")
    known, unknown = api.tokens(tmp_path / "parts", "king kings")
    assert [each["ngram"] for each in known["ngrams"]] == ["<ki", "<kin", "kin", "king", "ing", "ing>", "ng>"]
    assert all(each["known"] for each in known["ngrams"])
    assert known["rows"] == [parts.words.key_to_index["king"], *(each["row"] for each in known["ngrams"])]
    assert not unknown["known"]
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
