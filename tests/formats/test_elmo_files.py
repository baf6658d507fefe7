"""Files of ELMo: those of the original, read and written; what is wrong with them is said."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="files of ELMo need h5py: pip install 'wordfield[neural]'")
pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from naive_elmo import NaiveELMo  # noqa: E402
from wordfield import api, formats, load  # noqa: E402
from wordfield.formats import FormatError  # noqa: E402

FIXTURE = Path("fixtures") / "elmo" / "bilm"
OPTIONS = {
    "lstm": {
        "cell_clip": 3,
        "use_skip_connections": True,
        "n_layers": 2,
        "proj_clip": 3,
        "projection_dim": 4,
        "dim": 6,
    },
    "char_cnn": {
        "embedding": {"dim": 3},
        "filters": [[1, 4], [2, 5], [5, 6]],
        "n_highway": 2,
        "n_characters": 262,
        "max_characters_per_token": 20,
        "activation": "relu",
    },
}
SENTENCES = ["the cat sat on the mat .", "a ship", "unheard-of wörds , 北京 !"]


def datasets(options, seed=0, scale=0.3):
    """Datasets by their published names and shapes."""
    random = np.random.default_rng(seed)
    cnn, lstm = options["char_cnn"], options["lstm"]
    wide, dim, cell = sum(n for _, n in cnn["filters"]), lstm["projection_dim"], lstm["dim"]
    shapes = {"char_embed": (261, cnn["embedding"]["dim"])}
    for i, (width, n) in enumerate(cnn["filters"]):
        shapes |= {f"CNN/W_cnn_{i}": (1, width, cnn["embedding"]["dim"], n), f"CNN/b_cnn_{i}": (n,)}
    for i in range(cnn["n_highway"]):
        for part in ("carry", "transform"):
            shapes |= {f"CNN_high_{i}/W_{part}": (wide, wide), f"CNN_high_{i}/b_{part}": (wide,)}
    shapes |= {"CNN_proj/W_proj": (wide, dim), "CNN_proj/b_proj": (dim,)}
    for way in (0, 1):
        for layer in range(lstm["n_layers"]):
            at = f"RNN_{way}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            shapes |= {f"{at}/W_0": (2 * dim, 4 * cell), f"{at}/B": (4 * cell,), f"{at}/W_P_0": (cell, dim)}
    return {name: random.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}


def written(folder, options, arrays, names=("options.json", "weights.hdf5")):
    folder.mkdir()
    (folder / names[0]).write_text(json.dumps(options))
    with h5py.File(folder / names[1], "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return folder


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "elmo", OPTIONS, datasets(OPTIONS))


@pytest.mark.data
def test_the_originals_own_vectors_are_reproduced(data):
    folder = data / FIXTURE
    model = load(folder).beginning("carry")
    sentences = json.loads((folder / "lm_embeddings_sentences.json").read_text())
    files = [h5py.File(folder / f"lm_embeddings_{stream}.hdf5") for stream in range(3)]
    for number in range(10):
        found = model.embed_words_of([stream[number].split() for stream in sentences])
        for file, (words, vectors) in zip(files, found, strict=True):
            expected = np.concatenate([*file[str(number)][()]], axis=-1)
            assert len(words) == len(expected)
            assert abs(vectors - expected).max() < 1e-6
    for file in files:
        file.close()


@pytest.mark.data
def test_the_originals_vectors_need_the_state_of_the_sentence_before(data):
    folder = data / FIXTURE
    sentences = json.loads((folder / "lm_embeddings_sentences.json").read_text())
    with h5py.File(folder / "lm_embeddings_0.hdf5") as file:
        expected = np.concatenate([*file["1"][()]], axis=-1)
    vectors = load(folder).beginning("zero").embed_words(sentences[0][1].split())[1]
    assert abs(vectors - expected).max() > 0.1


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
def test_all_layers_are_those_of_a_reader_written_from_the_layout(tmp_path, carry, added, bounded):
    lstm = OPTIONS["lstm"] | {"use_skip_connections": added} | ({} if bounded else {"cell_clip": None, "proj_clip": 0})
    options = OPTIONS | {"lstm": lstm}
    path = written(tmp_path / "elmo", options, datasets(options))
    model, twin = load(path).beginning("carry" if carry else "zero"), NaiveELMo(path)
    assert model.dim == 8
    for sentence in SENTENCES * 2:
        expected = twin.read(sentence.split(), carry)
        state = dict(model._left)
        for layer in range(3):
            if carry:
                model._left.clear()
                model._left.update(state)
            assert abs(model.embed_words(sentence.split(), layer=layer)[1] - expected[layer]).max() < 1e-6


def test_what_is_written_is_read_back_equal(folder, tmp_path):
    model = load(folder)
    model.save(tmp_path / "again", "elmo")
    again = load(tmp_path / "again")
    with h5py.File(tmp_path / "again" / "weights.hdf5") as file:
        for name, array in datasets(OPTIONS).items():
            assert file[name].dtype == np.float32
            assert file[name][()].tobytes() == array.tobytes()
    assert json.loads((tmp_path / "again" / "options.json").read_text()) == OPTIONS
    for sentence in SENTENCES:
        assert abs(again.embed_words(sentence)[1] - model.embed_words(sentence)[1]).max() < 1e-6
    assert again.words.index_to_key == model.words.index_to_key == ["<S>", "</S>"]
    assert formats.recognise(tmp_path / "again") == "elmo"


def test_names_may_stand_before_those_of_the_files(tmp_path):
    names = ("elmo_2x1024_128_options.json", "elmo_2x1024_128_weights.hdf5")
    path = written(tmp_path / "elmo", OPTIONS, datasets(OPTIONS), names)
    assert load(path).embed(["the cat"]).shape == (1, 8)


def test_the_words_are_those_of_a_vocabulary_beside_it(folder):
    (folder / "vocab-2016.txt").write_text("</S>\n<S>\n<UNK>\nthe\ncat\n")
    model, twin = load(folder), NaiveELMo(folder)
    assert model.words.index_to_key == ["</S>", "<S>", "<UNK>", "the", "cat"]
    assert model.words.dim == 4
    assert abs(model.words["cat"] - twin.word(twin.ids("cat"))).max() < 1e-6
    assert {each[0] for each in model.words.most_similar("cat", k=4)} == {"</S>", "<S>", "<UNK>", "the"}


def test_info_tells_of_it(folder):
    told = api.info(folder)
    assert (told["format"], told["kind"], told["dim"]) == ("elmo", "bidirectional language model", 8)
    network = told["network"]
    assert (network["architecture"], network["layers"], network["tied"]) == ("elmo", 2, False)
    assert network["table_parameters"] == 0  # its words' vectors are made of their characters
    assert network["parameters"] == sum(array.size for array in datasets(OPTIONS).values())


def changed(folder, **entries):
    given = json.loads((folder / "options.json").read_text())
    for name, value in entries.items():
        part = "lstm" if name in given["lstm"] else "char_cnn"
        given[part][name] = value
    (folder / "options.json").write_text(json.dumps(given))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"projection_dim": 5}, r"dataset 'CNN_proj/W_proj' has the shape \(15, 4\), by options.json it is \(15, 5\)"),
        ({"dim": 7}, r"'RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/W_0' has the shape \(8, 24\)"),
        ({"n_layers": 3}, "no dataset 'RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0'"),
        ({"n_highway": 3}, "no dataset 'CNN_high_2/W_carry'"),
        ({"filters": [[1, 4], [2, 5], [4, 6]]}, r"dataset 'CNN/W_cnn_2' has the shape \(1, 5, 3, 6\)"),
        ({"filters": []}, '"filters" is'),
        ({"filters": [[1]]}, '"filters" is'),
        ({"n_characters": 500}, '"n_characters" is 500; there are 261, and one for padding'),
        ({"max_characters_per_token": 4}, "a filter is 5 characters wide, words have 4 at most"),
        ({"max_characters_per_token": None}, '"max_characters_per_token" is None'),
        ({"activation": "swish"}, "\"activation\" is 'swish': relu, tanh are known"),
        ({"cell_clip": "three"}, "\"cell_clip\" is 'three'; a number is needed"),
        ({"embedding": 3}, 'the entry "embedding" is missing'),
    ],
)
def test_options_that_contradict_the_weights_are_named(folder, entries, message):
    changed(folder, **entries)
    with pytest.raises(FormatError, match=message):
        load(folder)


@pytest.mark.parametrize("name", [*datasets(OPTIONS)])
def test_a_dataset_that_is_missing_is_named(folder, name):
    with h5py.File(folder / "weights.hdf5", "a") as file:
        del file[name]
    with pytest.raises(FormatError, match=f"there is no dataset '{name}', which by options.json has the shape"):
        load(folder)


def test_files_that_are_missing_cut_or_several_are_named(folder):
    weights = folder / "weights.hdf5"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"weights.hdf5: no HDF5 file, or a truncated one"):
        load(folder)
    weights.write_bytes(b"no HDF5 at all")
    with pytest.raises(FormatError, match=r"weights.hdf5: no HDF5 file"):
        load(folder)
    weights.unlink()
    with pytest.raises(FormatError, match=r"weights.hdf5: missing; an ELMo has one file of options and one of weights"):
        load(folder)
    for name in ("a_weights.hdf5", "b_weights.hdf5"):
        (folder / name).write_bytes(whole)
    with pytest.raises(FormatError, match=r"several of it \(a_weights.hdf5, b_weights.hdf5\)"):
        load(folder)
    (folder / "options.json").write_text('{"lstm": ')
    with pytest.raises(FormatError):
        load(folder)


def test_a_vocabulary_that_is_no_utf8_is_refused_or_repaired(folder):
    (folder / "vocab.txt").write_bytes(b"the\nc\xe9\ncat\ncat\n")
    with pytest.raises(FormatError, match=r"line 2 of vocab.txt: invalid UTF-8"):
        load(folder)
    assert load(folder, repair=True).words.index_to_key == ["the", "cat"]


def test_without_h5py_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"need.* h5py.*pip install 'wordfield\[neural\]'"):
        load(folder)


def test_a_folder_that_is_not_ours_is_left_alone(folder, tmp_path):
    model = load(folder)
    with pytest.raises(FileExistsError, match="wordfield did not write"):
        model.save(folder, "elmo")
    model.save(tmp_path / "ours", "elmo")
    shutil.copy(folder / "options.json", tmp_path / "ours" / "notes.json")
    with pytest.raises(FileExistsError, match=r"would delete files that are not part of the model \(notes.json\)"):
        model.save(tmp_path / "ours", "elmo")


def test_what_is_no_elmo_cannot_be_one(tmp_path, folder):
    with pytest.raises(FormatError, match="no network is no ELMo"):
        formats.save(formats.Table(["a"], formats.Dense(np.zeros((1, 2)))), tmp_path / "x", "elmo")
    table = load(folder).table()
    table.words[0] = "a\nb"
    with pytest.raises(FormatError, match="a word with a line feed"):
        formats.save(table, tmp_path / "x", "elmo")
    assert not (tmp_path / "x").exists()


def test_a_part_of_the_model_names_its_folder(folder):
    with pytest.raises(FormatError, match=r"a part of the model in .*elmo: give the folder"):
        load(Path(folder) / "weights.hdf5")
