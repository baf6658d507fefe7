"""An index finds most of what exact search finds, with its scores, and is of one model alone."""

import json
import logging
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordfield import api
from wordfield.search import approximate, described, exact, measured
from wordfield.search.approximate import Index
from wordfield.storage import Dense, Float16, Sparse
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


@pytest.fixture(scope="module", autouse=True)
def usearch():
    """The library, and a small sample to measure on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measured, "SAMPLE", 60)
        patch.setattr(measured, "ALONE", 3)
        yield pytest.importorskip("usearch", reason="the extra ann is not installed")


def made(storage):
    return WordVectors(Vocabulary([f"w{number}" for number in range(storage.shape[0])]), storage)


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(2)
    clouds = random.standard_normal((25, 12))[random.integers(0, 25, 300)]
    matrix = (clouds + random.standard_normal((300, 12)) / 2).astype(np.float32)
    matrix *= random.uniform(0.1, 30, (300, 1)).astype(np.float32)
    matrix[10] = 0
    matrix[11] = np.nan
    matrix[13] = matrix[12]
    return matrix


@pytest.fixture(scope="module")
def words(matrix):
    return made(Dense(matrix))


@pytest.fixture(scope="module", params=approximate.KINDS)
def index(request, words):
    return Index.build(words, kind=request.param, recall=0.98, threads=1)


def test_most_of_the_nearest_are_found_with_their_cosines(words, index):
    asked = [word for word in words.index_to_key[::3] if word not in ("w10", "w11")]
    shares = []
    for one, other in zip(words.most_similar(asked, index=index), words.most_similar(asked), strict=True):
        cosines = dict(other)
        shares.append(sum(word in cosines or score >= other[-1][1] - 1e-6 for word, score in one) / len(other))
        assert one == sorted(one, key=lambda pair: -pair[1])
        for word, score in one:
            assert word not in cosines or score == pytest.approx(cosines[word], abs=1e-6)
    assert np.mean(shares) > 0.95
    assert index.about.recall > 0.95
    assert index.about.sample == 30
    assert index.about.rows == 298
    assert index.about.speed.alone > 0
    assert index.about.exact_speed.together > 0


def test_one_query_and_several_give_the_same(words, index):
    for word, found in zip(("w1", "w12"), words.most_similar(["w1", "w12"], index=index), strict=True):
        alone = words.most_similar(word, index=index)
        assert [other for other, _ in alone] == [other for other, _ in found]
        assert word not in [other for other, _ in alone]
    assert words.most_similar("w12", 1, index=index)[0] == ("w13", pytest.approx(1))
    combined = words.most_similar(positive=["w1", "w2"], negative=["w3"], index=index)
    assert not {"w1", "w2", "w3"} & {word for word, _ in combined}
    assert len(combined) == 10


def test_rows_without_a_direction_are_no_answer(words, index):
    found = words.most_similar("w1", 290, index=index)
    assert len(found) == 290
    assert not {"w10", "w11"} & {word for word, _ in found}


def test_what_the_graph_cannot_answer_is_searched_for_exactly(words, index):
    for k in (298, 299, 300, 10_000):
        assert words.most_similar("w1", k, index=index) == words.most_similar("w1", k)
    assert words.most_similar("w10", 5, index=index) == words.most_similar("w10", 5)
    both = words.most_similar(["w10", "w1"], 5, index=index)
    assert both == [words.most_similar(word, 5, index=index) for word in ("w10", "w1")]


def test_answers_that_the_graph_lacks_are_empty_places(words, index):
    asked = {"norms": words.table.norms, "exclude": np.array([[1], [2]])}
    rows, scores = index.nearest(words.table.matrix, words.table.matrix[1:3], 290, **asked)
    assert rows.shape == scores.shape == (2, 290)
    assert (np.isneginf(scores) == (rows == -1)).all()
    assert (np.diff(scores[:, :10]) <= 0).all()
    rows, scores = index.nearest(words.table.matrix, words.table.matrix[:0], 3, norms=words.table.norms)
    assert rows.shape == scores.shape == (0, 3)


def test_answers_cannot_be_restricted(words, index):
    for restricted in ({"restrict_vocab": 20}, {"keep": ["w3"]}):
        with pytest.raises(ValueError, match="among all words"):
            words.most_similar("w1", index=index, **restricted)


def test_an_index_is_kept_and_opened(words, index, tmp_path):
    index.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(described.FILES)
    opened = Index.open(tmp_path, words)
    assert opened.about == index.about
    assert repr(opened) == repr(index)
    assert "298" not in repr(index)
    assert opened.about.bytes == (tmp_path / described.GRAPH).stat().st_size
    asked = [f"w{number}" for number in range(20, 60)]
    assert words.most_similar(asked, index=opened) == words.most_similar(asked, index=index)


def test_codes_have_an_index_of_what_they_stand_for(matrix):
    words = made(Float16(matrix[20:].astype(np.float16)))
    index = Index.build(words, threads=1)
    asked = words.index_to_key[:50]
    pairs = zip(words.most_similar(asked, index=index), words.most_similar(asked), strict=True)
    assert np.mean([len(dict(one).keys() & dict(other).keys()) / 10 for one, other in pairs]) > 0.9


def test_one_thread_makes_the_same_index_each_time(words, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        Index.build(words, threads=1).write(tmp_path / name)
    one, other = ((tmp_path / name / described.GRAPH).read_bytes() for name in "ab")
    assert one == other


def test_another_model_has_no_part_in_it(words, matrix, tmp_path):
    index = Index.build(words, threads=1)
    index.write(tmp_path)
    changed = matrix.copy()
    changed[-1, 0] += 1
    renamed = WordVectors(Vocabulary([f"v{number}" for number in range(300)]), Dense(matrix))
    others = {"300": made(Dense(matrix[:-1])), "12": made(Dense(matrix[:, :-1])), "other": made(Dense(changed))}
    for said, other in {**others, "words": renamed}.items():
        with pytest.raises(ValueError, match=said):
            Index.open(tmp_path, other)
        with pytest.raises(ValueError, match="wordfield index"):
            other.most_similar(other.index_to_key[0], index=index)
    same = made(Dense(matrix))
    assert Index.open(tmp_path, same).about.words == 300


def damaged(folder, how):
    graph, about = folder / described.GRAPH, folder / described.ABOUT
    content, said = graph.read_bytes(), json.loads(about.read_text("utf-8"))
    if how == "cut":
        graph.write_bytes(content[:-9])
    elif how == "changed":
        graph.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "gone":
        graph.unlink()
    elif how == "nothing of the library":
        graph.write_bytes(bytes(len(content)))
        about.write_text(json.dumps(said | {"graph": described.digest_of(graph)}), "utf-8")
    elif how == "no JSON":
        about.write_text("{", "utf-8")
    else:
        about.write_text(json.dumps(said | json.loads(how)), "utf-8")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut", "bytes are needed"),
        ("changed", "not what was written"),
        ("gone", "there are 0"),
        ("nothing of the library", "does not read it"),
        ("no JSON", "does not describe an index"),
        ('{"words": "many"}', "does not describe an index"),
        ('{"rows": 7}', "do not go together"),
        ('{"kind": "float8"}', "do not go together"),
        ('{"version": 99}', "version 99"),
    ],
)
def test_a_damaged_index_is_refused(words, tmp_path, how, said):
    Index.build(words, threads=1).write(tmp_path)
    damaged(tmp_path, how)
    with pytest.raises(ValueError, match=said):
        Index.open(tmp_path, words)


def test_a_folder_without_an_index_is_named(words, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no index"):
        Index.open(tmp_path / "nothing", words)


def test_what_no_index_can_be_made_of_is_said(words):
    with pytest.raises(ValueError, match="sparse"):
        Index.build(made(Sparse(csr_array(np.eye(4, dtype=np.float32)))))
    with pytest.raises(ValueError, match="int8"):
        Index.build(words, kind="int4")
    for recall in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="recall"):
            Index.build(words, recall=recall)


def test_without_the_library_the_extra_is_named(words, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(ImportError, match=r"wordfield\[ann\]"):
        Index.build(words)


def test_few_words_are_indexed_too():
    nothing = made(Dense(np.zeros((3, 2), np.float32)))
    index = Index.build(nothing)
    assert (index.about.rows, index.about.recall, index.about.speed) == (0, None, None)
    assert nothing.most_similar("w0", index=index) == nothing.most_similar("w0")
    two = made(Dense(np.array([[1, 0], [1, 1]])))
    index = Index.build(two)
    assert index.about.recall == 1
    assert two.most_similar("w0", index=index) == [("w1", pytest.approx(0.5**0.5))]


def test_more_than_the_widest_look_finds_is_warned_of(words, monkeypatch, caplog):
    monkeypatch.setattr(approximate, "WIDTHS", (1,))
    monkeypatch.setattr(measured.Trial, "of", lambda trial, search: (0.5, 0.25, 10.0))
    with caplog.at_level(logging.WARNING):
        index = Index.build(words, recall=0.9, threads=1)
    assert "0.500 of the nearest words at most; 0.900" in caplog.text
    assert (index.about.width, index.about.recall) == (1, 0.25)


def test_the_width_is_the_first_that_finds_enough(words, monkeypatch):
    looked = iter([0.2, 0.6, 0.9, 1.0])
    monkeypatch.setattr(measured.Trial, "of", lambda trial, search: (next(looked), 0.7, 10.0))
    index = Index.build(words, recall=0.8, threads=1)
    assert index.about.width == approximate.WIDTHS[2] == index.graph.expansion_search


def test_recall_is_the_share_of_right_answers():
    right = np.array([[0.9, 0.5], [0.8, -np.inf], [-np.inf, -np.inf]])
    assert measured.recall(right, right) == 1
    assert measured.recall(np.array([[0.9, 0.4], [0.8, 0.1], [0.3, 0.2]]), right) == pytest.approx(2 / 3)
    assert measured.recall(np.array([[0.5, 0.5], [0.1, 0.1], [0, 0]]), right) == pytest.approx(2 / 3)  # equals count
    assert measured.recall(np.full((3, 2), -np.inf), right) == 0
    assert measured.recall(np.empty((0, 2)), np.empty((0, 2))) == 0


def test_progress_is_told_and_may_stop_the_work(words, monkeypatch):
    monkeypatch.setattr(approximate, "STEP", 100)
    told = []
    Index.build(words, threads=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 300) for done in range(0, 400, 100)]

    def stop(done, total):
        if done == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Index.build(words, threads=1, progress=stop)


@pytest.fixture
def model(words, tmp_path):
    path = tmp_path / "model.bin"
    WordVectors(words.vocabulary, Dense(np.nan_to_num(words.table.matrix))).save(path)
    return path


def test_the_command_makes_an_index_and_neighbors_uses_it(run, model, tmp_path):
    out = tmp_path / "kept"
    made = run("index", model, "--out", out, "--recall", "0.9", "--kind", "int8", "--threads", "1", "--json")
    assert made.status == 0, made.err
    result = json.loads(made.out)
    assert result["bytes"] == sum(path.stat().st_size for path in out.iterdir())
    assert set(result["queries_per_second"]) == {"index", "exact"}
    assert (result["words"], result["rows"], result["kind"], result["out"]) == (300, 298, "int8", str(out))
    assert result["recall"] > 0.8
    near = json.loads(run("neighbors", model, "w1", "w12", "--index", out, "--json").out)
    exactly = json.loads(run("neighbors", model, "w1", "w12", "--json").out)
    assert near["w12"][0] == pytest.approx(exactly["w12"][0])
    assert len({word for word, _ in near["w1"]} & {word for word, _ in exactly["w1"]}) > 6
    told = run("index", model, "--out", out)  # over the one that is there
    assert "298 of 300 are in the index" in told.out
    assert "exact search is about as fast below 200000" in told.err


def test_an_index_is_written_only_where_one_may_be(run, model, tmp_path, vectors):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "text.txt").write_text("text", "utf-8")
    ran = run("index", model, "--out", tmp_path / "mine")
    assert ran.status == 1
    assert "wordfield did not write" in ran.err
    assert run("index", model, "--out", tmp_path / "kept").status == 0
    refused = run("neighbors", vectors, "king", "--index", tmp_path / "kept")
    assert refused.status == 1
    assert "300 words of 12 dimensions" in refused.err
    assert "holds no index" in run("neighbors", vectors, "king", "--index", tmp_path / "none").err


def test_neighbors_takes_an_index_that_is_open(words):
    index = Index.build(words, threads=1)

    class Model:
        pass

    model = Model()
    model.words = words
    assert api.neighbors(model, ["w1"], 3, index=index) == {"w1": words.most_similar("w1", 3, index=index)}


def test_exact_search_has_the_same_form(words, index):
    asked = {"norms": words.table.norms, "exclude": np.array([[20], [21]])}
    one = index.nearest(words.table.matrix, words.table.matrix[20:22], 5, **asked)
    other = exact.nearest(words.table.matrix, words.table.matrix[20:22], 5, **asked)
    for mine, theirs in zip(one, other, strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
