"""Folders of model2vec and of sentence-transformers: text vectors are those of their owners, and a folder written here
gives the same in both.
"""

from __future__ import annotations

import importlib
import importlib.util
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import api, formats
from wordfield.formats import FormatError, Table, static_embedding, tensors, tokenizer_json
from wordfield.static import StaticModel
from wordfield.storage import Dense, Float16, Int8
from wordfield.text.ngrams import Ngrams
from wordfield.text.subwords import readable
from wordfield.text.tokenizers import Tokenizer

tokenizers = pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")

TEXTS = [
    "the lowest newest",
    "The king's lowlands, zebra!",
    "x",
    "",
    "ø ø",
    "low\nlow  low\tnewer",
    "naïve 词向量",
    "the " * 40 + "newest",
    "low" * 60,
]
PIECES = ["[PAD]", "[UNK]", "the", "low", "##est", "new", "##er", "king", "'", "s", "词", "naive", "##lands"]


def rows(count, dim=6, seed=3):
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def wordpiece():
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]"])  # the last is added after the vocabulary
    made.enable_padding(pad_id=0, pad_token="[PAD]")
    return made


def wordlevel():
    words = {word: row for row, word in enumerate(["the", "low", "newest", "[UNK]", "newer"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return made


def trained(model, trainer, pre_tokenizer):
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = pre_tokenizer
    made.train_from_iterator(TEXTS * 20, trainer)
    return made


def bytes_pairs():
    parts = tokenizers
    trainer = parts.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=parts.pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    return trained(parts.models.BPE(), trainer, parts.pre_tokenizers.ByteLevel(add_prefix_space=False))


def unigram():
    parts = tokenizers
    trainer = parts.trainers.UnigramTrainer(
        vocab_size=60, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    return trained(parts.models.Unigram(), trainer, parts.pre_tokenizers.Metaspace())


MADE = {"wordpiece": wordpiece, "wordlevel": wordlevel, "bytes": bytes_pairs, "unigram": unigram}


def put(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def folder_of(tmp_path, arrays=None, config=None, made=None, name="theirs"):
    """A folder of model2vec, without model2vec."""
    folder, made = tmp_path / name, made or wordpiece()
    put(folder, "tokenizer.json", made.to_str())
    put(folder, "config.json", {"normalize": False} if config is None else config)
    tensors.write(folder / "model.safetensors", arrays or {"embeddings": rows(made.get_vocab_size())})
    return folder


@pytest.fixture
def model2vec():
    return pytest.importorskip("model2vec", reason="model2vec is not installed")


@pytest.fixture
def sentences(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")


def modules_of(library):
    """Its two modules, which older versions have in another place."""
    name = "sentence_transformers.sentence_transformer.modules"
    found = importlib.import_module(name if importlib.util.find_spec(name) else "sentence_transformers.models")
    return found.StaticEmbedding, found.Normalize


def near(one, other, atol=1e-6):
    np.testing.assert_allclose(one, np.asarray(other, np.float32), atol=atol, rtol=atol)


@pytest.mark.peers
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("normalize", [False, True])
def test_texts_are_embedded_as_model2vec_does_it(model2vec, tmp_path, kind, normalize):
    made = MADE[kind]()
    theirs = model2vec.StaticModel(rows(made.get_vocab_size()), made, normalize=normalize, max_length=12)
    theirs.save_pretrained(tmp_path / "theirs")
    assert formats.recognise(tmp_path / "theirs") == "static-embedding"
    read = wf.load(tmp_path / "theirs")
    assert isinstance(read.words.storage.matrix.base, np.memmap) or not read.words.storage.matrix.flags.owndata
    assert read.words.index_to_key == [readable(token) if kind == "bytes" else token for token in theirs.tokens]
    near(read.embed(TEXTS), theirs.encode(TEXTS))
    near(read.embed(TEXTS), model2vec.StaticModel.from_pretrained(str(tmp_path / "theirs")).encode(TEXTS))


@pytest.mark.peers
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "float64"])
@pytest.mark.parametrize("clusters", [None, 5])
def test_rows_are_mapped_and_weighted_as_model2vec_does_it(model2vec, tmp_path, dtype, clusters):
    made = wordpiece()
    size, rng = made.get_vocab_size(), np.random.default_rng(4)
    vectors = (rows(clusters or size) * (30 if dtype == "int8" else 1)).astype(dtype)
    mapping = None if clusters is None else rng.integers(0, clusters, size)
    for weights in (None, rng.random(size)):
        theirs = model2vec.StaticModel(vectors, made, weights=weights, token_mapping=mapping)
        theirs.save_pretrained(tmp_path / "theirs")
        read = wf.load(tmp_path / "theirs")
        near(read.embed(TEXTS), theirs.encode(TEXTS), 2e-3 if dtype == "float16" else 2e-6)
        expected = vectors[mapping if mapping is not None else slice(None)] * (
            1 if weights is None else weights[:, None]
        )
        near(read.words[list(theirs.tokens)], expected, 2e-3 if dtype == "float16" else 2e-6)
    held = {"float16": Float16, "int8": Int8}.get(dtype, Dense)
    assert isinstance(
        wf.load(folder_of(tmp_path, {"embeddings": rows(size).astype(dtype)}, name="plain")).words.storage, held
    )


@pytest.mark.peers
@pytest.mark.parametrize("kind", MADE)
def test_texts_are_embedded_as_sentence_transformers_does_it(sentences, tmp_path, kind):
    embedding, normalize = modules_of(sentences)
    made = MADE[kind]()
    vectors = rows(made.get_vocab_size())
    for later in ([], [normalize()]):
        theirs = sentences.SentenceTransformer(modules=[embedding(made, embedding_weights=vectors), *later])
        theirs.save(str(tmp_path / "theirs"))
        assert formats.recognise(tmp_path / "theirs") == "static-embedding"
        near(wf.load(tmp_path / "theirs").embed(TEXTS), theirs.encode(TEXTS))


@pytest.mark.peers
@pytest.mark.parametrize("direction", ["left", "right"])
def test_prompts_truncation_and_nested_folders_of_sentence_transformers_count(sentences, tmp_path, direction):
    embedding, normalize = modules_of(sentences)
    made = wordpiece()
    made.enable_truncation(4, direction=direction)
    parts = [embedding(made, embedding_weights=rows(made.get_vocab_size())), normalize()]
    prompts = {"prompts": {"query": "king "}, "default_prompt_name": "query"}
    sentences.SentenceTransformer(modules=parts, truncate_dim=4, **prompts).save(str(tmp_path / "theirs"))
    theirs = sentences.SentenceTransformer(str(tmp_path / "theirs"))
    read = wf.load(tmp_path / "theirs")
    near(read.embed(TEXTS), theirs.encode(TEXTS))
    assert read.embed(TEXTS).shape == (len(TEXTS), 4)
    read.save(tmp_path / "native")
    near(wf.load(tmp_path / "native").embed(TEXTS), theirs.encode(TEXTS))
    inside = tmp_path / "theirs" / "0_StaticEmbedding"
    inside.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / "theirs" / name).rename(inside / name)
    modules = json.loads((tmp_path / "theirs" / "modules.json").read_text())
    modules[0]["path"] = "0_StaticEmbedding"
    put(tmp_path / "theirs", "modules.json", modules)
    near(
        wf.load(tmp_path / "theirs").embed(TEXTS), sentences.SentenceTransformer(str(tmp_path / "theirs")).encode(TEXTS)
    )


WORDS = ["the", "king", "don't", "a", "i", "词", "词向量", "naïve", "x_y", "lowest", "ship's", "3.5", "<x>", "The"]
ASKED = [
    "The king, the lowest; don’t",
    "unknown words beyond all",
    "",
    "axe ink kings ai",
    "词向量 词 向 naïve NAÏVE",
    "the\nking\x0bx_y\ta <x> 3.5 ship's",
    "İstanbul the ΣΑΣ ﬁne Ｔhe",
]


@pytest.mark.peers
@pytest.mark.parametrize(
    "tokenizer",
    [
        Tokenizer("words", True),
        Tokenizer("words", False),
        Tokenizer("words", True, nfkc=True),
        Tokenizer("whitespace", False),
        Tokenizer("whitespace", True),
        Tokenizer("ascii-whitespace", False),
        Tokenizer("characters", True, nfkc=True),
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("normalize", [False, True])
def test_a_folder_of_whole_words_gives_the_same_vectors_to_all_three(
    model2vec, sentences, tmp_path, tokenizer, normalize
):
    config = {} if tokenizer is None else {"tokenizer": tokenizer.describe()}
    table = Table(
        WORDS, Dense(rows(len(WORDS))), config=config | ({"pooling": {"normalize": True}} if normalize else {})
    )
    formats.save(table, tmp_path / "ours", "static-embedding")
    expected = StaticModel.of(table).embed(ASKED)
    assert not expected[1:3].any()  # neither an unknown word nor nothing at all is a vector
    near(wf.load(tmp_path / "ours").embed(ASKED), expected)
    near(model2vec.StaticModel.from_pretrained(str(tmp_path / "ours")).encode(ASKED), expected)
    near(sentences.SentenceTransformer(str(tmp_path / "ours")).encode(ASKED), expected)


@pytest.mark.peers
def test_words_with_ngrams_are_written_as_directions(model2vec, sentences, tmp_path):
    recipe = wf.FastText(dim=5, min_count=1, epochs=2, threads=1, subsample=0, bucket=40)
    model = recipe.fit(wf.Corpus([["garden", "flowers"], ["sailor", "ships"]] * 20))
    model.save(tmp_path / "ours", "static-embedding")
    texts = ["garden ships", "sailor sailor flowers"]
    near(model2vec.StaticModel.from_pretrained(str(tmp_path / "ours")).encode(texts), model.embed(texts))
    near(sentences.SentenceTransformer(str(tmp_path / "ours")).encode(texts), model.embed(texts))
    assert "ngrams" in formats.losses(model.table(), "static-embedding")


@pytest.mark.peers
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("normalize", [False, True])
def test_pieces_of_words_go_back_to_model2vec_as_they_came(model2vec, sentences, tmp_path, kind, normalize):
    made = MADE[kind]()
    theirs = model2vec.StaticModel(rows(made.get_vocab_size()), made, normalize=normalize, max_length=30)
    theirs.save_pretrained(tmp_path / "theirs")
    result = api.convert(tmp_path / "theirs", tmp_path / "ours", "static-embedding")
    again = model2vec.StaticModel.from_pretrained(str(tmp_path / "ours"))
    near(again.encode(TEXTS), theirs.encode(TEXTS))
    near(wf.load(tmp_path / "ours").embed(TEXTS), theirs.encode(TEXTS))
    short = TEXTS[:-2]  # the others are cut by characters in model2vec
    if normalize or kind == "bytes":
        near(sentences.SentenceTransformer(str(tmp_path / "ours")).encode(short), theirs.encode(short))
        assert result["lost"] == []
    else:
        assert result["lost"] == [api.models.PARTS["unknown"]]


@pytest.mark.peers
def test_pieces_with_a_prompt_go_back_to_sentence_transformers(sentences, tmp_path):
    embedding, _ = modules_of(sentences)
    made = wordpiece()
    parts = [embedding(made, embedding_weights=rows(made.get_vocab_size()))]
    prompts = {"prompts": {"query": "king "}, "default_prompt_name": "query"}
    theirs = sentences.SentenceTransformer(modules=parts, truncate_dim=4, **prompts)
    theirs.save(str(tmp_path / "theirs"))
    result = api.convert(tmp_path / "theirs", tmp_path / "ours", "static-embedding")
    assert result["lost"] == [api.models.PARTS["unknown"], api.models.PARTS["pooling"]]
    near(sentences.SentenceTransformer(str(tmp_path / "ours")).encode(TEXTS), theirs.encode(TEXTS))


TEXT = st.text(
    st.one_of(st.sampled_from("aïK’'词 \n\0\u200d\u0301İﬁ_3ก"), st.characters(exclude_categories=["Cs", "Cn"]))
)


@settings(deadline=None, max_examples=60)
@given(text=TEXT, name=st.sampled_from(["words", "whitespace", "ascii-whitespace", "characters"]), lower=st.booleans())
def test_a_tokenizer_json_cuts_text_as_the_tokenizer_does(text, name, lower):
    tokenizer = Tokenizer(name, lower)
    expected = tokenizer.tokenize(text)
    words = list(dict.fromkeys([*expected, "a"]))
    made = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json.of_words(tokenizer, words)))
    assert [token[1:] for token in made.encode(text).tokens] == expected


@pytest.mark.data
@pytest.mark.parametrize("name", ["words", "whitespace", "characters"])
@pytest.mark.parametrize("file", ["enwiki100m.txt", "zhwiki50m.txt"])
def test_real_lines_are_cut_alike(data, name, file):
    with (data / "corpora" / file).open(encoding="utf-8") as stream:
        lines = stream.read(200_000).split("\n")
    tokenizer = Tokenizer.of(name)
    words = dict.fromkeys(word for line in lines for word in tokenizer.tokenize(line))
    words = list(words)
    made = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json.of_words(tokenizer, words)))
    for line, found in zip(lines, made.encode_batch_fast(lines), strict=True):
        assert [words[row] for row in found.ids] == tokenizer.tokenize(line)


def test_a_folder_keeps_words_tokenizer_recipe_and_history(table, tmp_path):
    table.config |= {"tokenizer": {"name": "whitespace", "lowercase": True}, "history": {"loss": [np.float32(1)]}}
    formats.save(table, tmp_path / "ours", "static-embedding")
    assert formats.losses(table, "static-embedding") == ["counts", "state"]
    read = wf.load(tmp_path / "ours")
    assert read.words.index_to_key == table.words
    assert (read.tokenizer, read.recipe) == (Tokenizer("whitespace", True), table.config["recipe"])
    assert read.history == {"loss": [1.0]}
    read.save(tmp_path / "ours", "static-embedding")
    assert wf.load(tmp_path / "ours").info() == read.info()


PHRASES = {"passes": [[["new", "york"]]], "delimiter": "_", "score": "word2phrase", "thresholds": [1.0]}


@pytest.mark.parametrize(
    ("option", "part", "rows_of"),
    [
        ({"name": "chinese"}, "segmentation", [0, 1, 2, 3]),
        ({"name": "words", "script": "simplified"}, "script", [0, 1, 3]),
        ({"name": "words", "phrases": PHRASES}, "phrases", [0, 1, 3]),
    ],
)
def test_what_a_tokenizer_json_does_not_do_is_told(tmp_path, caplog, option, part, rows_of):
    config = {"tokenizer": option | {"lowercase": True}}
    table = Table(["机器", "学习", "3.5", "new_york"], Dense(rows(4)), config=config)
    formats.save(table, tmp_path / "ours", "static-embedding")
    assert static_embedding.TOLD[part] in caplog.text
    assert formats.losses(table, "static-embedding") == [part]
    assert part in api.models.PARTS
    made = tokenizers.Tokenizer.from_file(str(tmp_path / "ours" / "tokenizer.json"))
    assert made.encode("机器 学习，3.5 New_York").ids == rows_of
    assert wf.load(tmp_path / "ours").tokenizer == StaticModel.of(table).tokenizer


def test_a_folder_of_pieces_can_be_pruned_and_converted(tmp_path):
    folder = folder_of(tmp_path)
    result = api.convert(folder, tmp_path / "words.txt")
    assert result["vocabulary"] == len(PIECES) + 1
    assert formats.load(tmp_path / "words.txt").words[:3] == PIECES[:3]
    api.convert(folder, tmp_path / "small", max_words=5)
    small = wf.load(tmp_path / "small")
    assert small.pooling == wf.load(folder).pooling
    near(small.embed(["the lowest king"]), wf.load(folder).words[["the", "low", "##est"]].mean(0)[None])


def test_a_piece_that_is_added_after_the_vocabulary_is_a_word_like_others(tmp_path):
    read = wf.load(folder_of(tmp_path))
    assert read.words.index_to_key == [*PIECES, "[CLS]"]
    np.testing.assert_allclose(read.embed(["[CLS] the"])[0], read.words[["[CLS]", "the"]].mean(0), rtol=1e-6)


def test_every_token_of_a_real_tokenizer_has_the_id_that_the_library_gives_it(data):
    text = (data / "fixtures" / "bert" / "bert-uncased-tokenizer.json").read_text("utf-8")
    path = data / "fixtures" / "bert" / "bert-uncased-tokenizer.json"
    found = tokenizer_json.tokens(path, json.loads(text), formats.Faults(path))
    assert found == tokenizers.Tokenizer.from_str(text).get_vocab()
    assert list(found.values()) == sorted(found.values())


def test_numbers_of_bfloat16_are_read(tmp_path):
    whole = rows(len(PIECES) + 1)
    cut = (whole.view(np.uint32) >> 16).astype(np.uint16)
    folder = folder_of(tmp_path, {"embeddings": cut})
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes().replace(b'"U16"', b'"BF16"').replace(b"}}  ", b"}} ", 1))
    expected = (cut.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(formats.load(folder).storage.matrix, expected)


GOOD = {"embeddings": rows(len(PIECES) + 1)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"embeddings": rows(5)}, r"has 5 rows, but the token '\[CLS\]' has the id 13"),
        ({"other": rows(14)}, '"embeddings" or "embedding.weight" is missing'),
        ({"embeddings": rows(14)[0]}, r"is float32 of shape \(6,\)"),
        ({"embeddings": np.ones((14, 2), np.int32)}, "is int32 of shape"),
        (GOOD | {"mapping": np.zeros(9, np.int64)}, "'mapping' has 9 rows"),
        (GOOD | {"mapping": np.full(14, 99)}, '"mapping" has other numbers'),
        (GOOD | {"mapping": np.full(14, -1)}, '"mapping" has other numbers'),
        (GOOD | {"weights": np.ones(9)}, "'weights' has 9 rows"),
        (GOOD | {"weights": np.ones((14, 2))}, '"weights" is float64 of shape'),
    ],
)
def test_tensors_that_do_not_go_with_the_tokenizer_are_refused(tmp_path, arrays, message):
    with pytest.raises(FormatError, match=message):
        formats.load(folder_of(tmp_path, arrays), "static-embedding")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", {"normalize": "yes"}, "\"normalize\" is 'yes'"),
        ("config.json", {"max_length": -3}, '"max_length" is -3'),
        ("config.json", "[]", "not a JSON object"),
        ("config.json", "{", "byte 1: damaged or truncated JSON"),
        ("tokenizer.json", {"model": {"vocab": 5}}, '"model" has no "vocab"'),
        ("tokenizer.json", {"model": {"vocab": {}}}, "no tokens"),
        ("tokenizer.json", {"model": {"vocab": {"a": "x"}}}, "the token 'a' has the id 'x'"),
        ("tokenizer.json", {"model": {"vocab": {"a": 0}}, "added_tokens": 3}, '"added_tokens" is no list'),
        ("tokenizer.json", {"model": {"vocab": {"a": 0, "b": 0}}}, "the token 'b' or its id 0 stands there a second"),
        ("modules.json", {}, "a list of modules is needed"),
        ("modules.json", [{"type": "x.Transformer"}], "the first module is x.Transformer, not a StaticEmbedding"),
        ("modules.json", [{"type": "x.StaticEmbedding", "path": "../up"}], "\"path\" of a module is '../up'"),
        ("modules.json", [{"type": "x.StaticEmbedding", "path": "gone"}], "gone/model.safetensors: missing"),
    ],
)
def test_damaged_json_is_told_with_its_place(tmp_path, name, content, message):
    folder = folder_of(tmp_path)
    put(folder, name, content)
    with pytest.raises(FormatError, match=message):
        formats.load(folder, "static-embedding")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("modules.json", [{"type": "x.StaticEmbedding"}, {"type": "x.Dense"}], "the module x.Dense follows"),
        ("config_sentence_transformers.json", {"truncate_dim": 0}, '"truncate_dim" is 0'),
        ("config_sentence_transformers.json", {"default_prompt_name": "q"}, "\"default_prompt_name\" is 'q'"),
        ("tokenizer.json", '{"model": {"vocab": {"a": 0}}, "truncation": 7}', '"truncation" is 7'),
    ],
)
def test_what_sentence_transformers_would_do_besides_is_refused_by_name(tmp_path, name, content, message):
    folder = folder_of(tmp_path, {"embedding.weight": rows(14)})
    put(folder, "modules.json", [{"type": "sentence_transformers.models.StaticEmbedding", "path": ""}])
    assert formats.load(folder).words[2] == "the"
    put(folder, name, content)
    with pytest.raises(FormatError, match=message):
        formats.load(folder)


def test_a_normalize_of_something_else_changes_nothing(tmp_path):
    folder = folder_of(tmp_path, {"embedding.weight": rows(14)})
    kinds = ["sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Normalize"]
    put(folder, "modules.json", [{"type": kinds[0], "path": ""}, {"type": kinds[1], "path": "1_Normalize"}])
    assert wf.load(folder).pooling.normalize
    put(folder / "1_Normalize", "config.json", {"module_input_name": "token_embeddings"})
    assert not wf.load(folder).pooling.normalize


def test_a_pickle_is_not_read_and_a_missing_file_is_named(tmp_path):
    folder = folder_of(tmp_path)
    put(folder, "modules.json", [{"type": "x.StaticEmbedding"}])
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FormatError, match="is a pickle, which is never read"):
        formats.load(folder)
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(FormatError, match=r"tokenizer\.json: missing"):
        formats.load(folder)


def test_other_folders_are_neither_taken_for_one_nor_replaced(tmp_path, table):
    put(tmp_path / "bert", "config.json", {"model_type": "bert"})
    put(tmp_path / "bert", "tokenizer.json", wordpiece().to_str())
    tensors.write(tmp_path / "bert" / "model.safetensors", {"embeddings.word_embeddings.weight": rows(14)})
    assert formats.recognise(tmp_path / "bert") == "checkpoint"
    with pytest.raises(FileExistsError, match="a folder of something else"):
        formats.save(table, tmp_path / "bert", "static-embedding")
    put(tmp_path / "ours", "notes.txt", "mine")
    with pytest.raises(FileExistsError):
        formats.save(table, tmp_path / "ours", "static-embedding")
    (tmp_path / "ours" / "notes.txt").unlink()
    formats.save(table, tmp_path / "ours", "static-embedding")
    put(tmp_path / "ours", "notes.txt", "mine")
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        formats.save(table, tmp_path / "ours", "static-embedding")
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("words", "config", "message"),
    [
        (["a", ""], {}, "row 1: the word '' is empty"),
        (["a", "\ud800"], {}, "row 1: .* is no valid Unicode"),
        (
            ["a", "b"],
            {"tokenizer": {"name": "subwords", "lowercase": False, "subwords": "sentencepiece:QUJD"}},
            "SentencePi",
        ),
        (["a", "b"], {"tokenizer": {"name": "latin"}}, '"tokenizer" or "pooling" cannot be'),
        (["a", "b"], {"pooling": {"tokens": -1}}, '"tokenizer" or "pooling" cannot be'),
    ],
)
def test_what_a_folder_cannot_hold_is_refused_before_anything_is_written(tmp_path, words, config, message):
    with pytest.raises(FormatError, match=message):
        formats.save(Table(words, Dense(rows(2)), config=config), tmp_path / "ours", "static-embedding")
    assert not (tmp_path / "ours").exists()


def test_ngrams_without_words_are_refused(tmp_path):
    table = Table([], Dense(rows(5)), ngrams=Ngrams(2, 3, 5, hash="floret", own=False))
    for name in ("static-embedding", "numpy", "safetensors", "projector"):
        with pytest.raises(FormatError, match="no words to write"):
            formats.save(table, tmp_path / "x", name)


def test_damage_is_refused_or_read_but_never_worse(tmp_path):
    folder = tmp_path / "theirs"
    put(folder, "config.json", {"normalize": True, "max_length": 9})
    vocabulary = {"[U]": 0, "a": 1, "b": 2}
    put(folder, "tokenizer.json", {"model": {"unk_token": "[U]", "vocab": vocabulary}, "added_tokens": []})
    put(folder, "modules.json", [{"type": "x.StaticEmbedding", "path": "."}])
    arrays = {"embeddings": rows(2, 2), "weights": np.ones(3, np.float32), "mapping": np.array([0, 1, 0])}
    tensors.write(folder / "model.safetensors", arrays)
    assert survives(folder, "static-embedding", tmp_path, MUTATIONS // 10).refused
