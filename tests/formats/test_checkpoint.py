"""Checkpoints of language models: their tables are read where they lie, their tokens have names that people can read,
and what is written comes back.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import wordfield as wf
from formats import fuzzing
from formats.checkpoints import NAME, OUTPUT, byte_level, letters, numbers, put
from formats.fuzzing import survives
from support import JIT_OFF
from wordfield import api, formats
from wordfield.formats import FormatError, Table, checkpoint_writing
from wordfield.formats.architecture import input_name, output_name
from wordfield.formats.table import Network
from wordfield.storage import BFloat16, Dense, Float16
from wordfield.text.subwords import LETTERS, Stored
from wordfield.text.tokenizers import Tokenizer

pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")

TEXTS = [" the", " king", "king", "你", "你好", "\n", " 的"]
END = "<|endoftext|>"
LAYER = "model.layers.0.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level(TEXTS, [END])


def size(tokenizer):
    return len(tokenizer["model"]["vocab"]) + len(tokenizer["added_tokens"])


def two(rows, dim=6):
    return {NAME: numbers(rows, dim), LAYER: numbers(4, dim, 2), OUTPUT: numbers(rows, dim, 3)}


@pytest.fixture
def folder(tokenizer, tmp_path):
    return put(tmp_path / "model", two(size(tokenizer) + 3), tokenizer, shards=2)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shards", [1, 3])
def test_tables_stay_in_the_file_as_they_are_there(tokenizer, tmp_path, dtype, shards):
    rows = size(tokenizer) + 5
    arrays = two(rows)
    put(tmp_path / "model", arrays, tokenizer, shards=shards, dtype=dtype)
    assert formats.recognise(tmp_path / "model") == "checkpoint"
    table = formats.load(tmp_path / "model")
    assert isinstance(table.storage, {"float32": Dense, "float16": Float16, "bfloat16": BFloat16}[dtype])
    held = table.storage.matrix if dtype == "float32" else table.storage.codes
    assert not held.flags.owndata
    assert len(table.words) == rows - 5 == table.storage.shape[0]
    expected = {
        name: array.astype(np.float16).astype(np.float32) if dtype == "float16" else array
        for name, array in arrays.items()
    }
    np.testing.assert_array_equal(table.storage.take(range(rows - 5)), expected[NAME][:-5])
    np.testing.assert_array_equal(table.network.output.take(range(rows - 5)), expected[OUTPUT][:-5])
    assert set(table.network.tensors) == set(arrays)
    for name, array in table.network.tensors.items():
        np.testing.assert_array_equal(array, expected[name])
        assert array.dtype == (np.float16 if dtype == "float16" else np.float32)
    assert "missing" not in table.network.tensors


def test_tokens_have_names_that_people_can_read(folder):
    model = wf.load(folder)
    words = model.words.index_to_key
    assert words[-1] == END
    for word in ("▁the", "▁king", "king", "你", "你好", "▁的", "a", "<0x0A>", "<0x20>", "<0xE4>", "<0xE4><0xBD>"):
        assert (word in words) == (word != "<0x20>"), word
    assert [each["word"] for each in api.tokens(folder, " the 你好 king\n")] == ["▁the", "▁", "你好", "▁king", "<0x0A>"]
    assert all(each["known"] for each in api.tokens(folder, "any text 有"))
    expected = model.words[["▁the", "你好"]].mean(axis=0)
    np.testing.assert_allclose(model.embed([" the你好"])[0], expected, rtol=1e-6)
    assert model.words.most_similar("▁the", 1)[0][0] in words
    np.testing.assert_array_equal(model.words["the"], model.words["▁the"])
    with pytest.raises(KeyError, match=r"'the' is not among .*: ▁the"):
        api.neighbors(model, ["the"], unknown="raise")


def test_where_the_output_is_another_table_it_can_be_asked_too(folder, run):
    model, output = wf.load(folder), wf.load(folder, table="output")
    assert model.output is not None
    np.testing.assert_array_equal(output.words["▁the"], model.output["▁the"])
    assert output.words["▁the"].tolist() != model.words["▁the"].tolist()
    assert api.neighbors(folder, ["▁the"], 3, table="output") == api.neighbors(output, ["▁the"], 3)
    assert api.neighbors(model, ["▁the"], 3, table="output") == api.neighbors(output, ["▁the"], 3)
    one = run("similarity", folder, "▁the", "▁king", "--table", "output", "--json")
    assert json.loads(one.out)["similarity"] == pytest.approx(output.words.similarity("▁the", "▁king"))
    other = run("analogy", folder, "▁the", "▁king", "king", "--table", "output", "--json")
    assert other.status == 0
    assert output.network is None
    with pytest.raises(ValueError, match="table is input or output, not 'both'"):
        wf.load(folder, table="both")


def test_info_tells_what_the_network_is_of_shapes_alone(folder):
    rows, words = 6 * (size_of(folder) + 3), size_of(folder)
    told = api.info(folder)
    assert told["kind"] == "table of a network"
    assert told["network"] == {
        "architecture": "qwen2",
        "layers": 1,
        "tied": False,
        "dtype": "float32",
        "table_rows": words + 3,
        "padding_rows": 3,
        "parameters": 2 * rows + 24,
        "table_parameters": 2 * rows,
        "share": pytest.approx(2 * rows / (2 * rows + 24)),
    }
    assert told["tokenizer"]["subwords"].startswith("a tokenizer.json of ")


def size_of(folder):
    return len(formats.load(folder).words)


@pytest.mark.parametrize(
    ("said", "second", "tied"),
    [
        (True, None, True),
        (None, None, True),
        (False, None, False),
        (None, "equal", True),
        (False, "equal", False),
        (True, "equal", True),
    ],
)
def test_whether_one_table_is_both_is_what_files_and_configuration_say(tokenizer, tmp_path, said, second, tied):
    arrays = two(size(tokenizer))
    arrays[OUTPUT] = arrays[NAME]
    if second is None:
        del arrays[OUTPUT]
    config = {} if said is None else {"text_config": {"tie_word_embeddings": said}, "tie_word_embeddings": not said}
    folder = put(tmp_path / "model", arrays, tokenizer, config)
    table = formats.load(folder)
    assert api.info(folder)["network"]["tied"] is tied
    assert (table.network.output is None) == (tied or second is None)
    if said is False and second is None:
        with pytest.raises(ValueError, match="has no output table"):
            wf.load(folder, table="output")
    elif tied:
        assert (
            wf.load(folder, table="output").words["▁the"].tolist() == arrays[NAME][table.words.index("▁the")].tolist()
        )


def test_two_tables_that_are_said_to_be_one_are_told(tokenizer, tmp_path):
    folder = put(tmp_path / "model", two(size(tokenizer)), tokenizer, {"tie_word_embeddings": True})
    with pytest.raises(
        FormatError, match=r"config.json: \"tie_word_embeddings\" says .*'lm_head.weight', and they differ"
    ):
        formats.load(folder)
    assert formats.load(folder, repair=True).network.output is None


def test_a_tokenizer_larger_than_the_table_is_told_and_cut_by_repair(tokenizer, tmp_path):
    folder = put(tmp_path / "model", two(size(tokenizer) - 2), tokenizer)
    with pytest.raises(
        FormatError, match=rf"has {size(tokenizer)} tokens, but .* has {size(tokenizer) - 2} rows: the token "
    ):
        formats.load(folder)
    table = formats.load(folder, repair=True)
    assert len(table.words) == size(tokenizer) - 2 == table.storage.shape[0]
    with pytest.raises(FormatError, match="is none of the"):
        formats.save(table, tmp_path / "again")


def test_ids_may_have_holes(tokenizer, tmp_path):
    holed = json.loads(json.dumps(tokenizer))
    last = size(tokenizer) + 3
    holed["added_tokens"][0]["id"] = last
    arrays = two(last + 2)
    for dtype in ("float32", "bfloat16"):
        folder = put(tmp_path / dtype, arrays, holed, dtype=dtype)
        model = wf.load(folder)
        np.testing.assert_array_equal(model.words[END], arrays[NAME][last])
        np.testing.assert_array_equal(model.words["▁the"], arrays[NAME][model.words.key_to_index["▁the"]])
        assert api.info(folder)["network"]["padding_rows"] == 5
        assert api.info(folder)["network"]["dtype"] == dtype
        assert api.neighbors(folder, ["▁the"], 2)["▁the"]
        model.save(tmp_path / "vectors.safetensors")
        assert wf.load(tmp_path / "vectors.safetensors").words[END].tolist() == arrays[NAME][last].tolist()
        model.save(tmp_path / f"{dtype}-again")
        again = wf.load(tmp_path / f"{dtype}-again")
        assert again.words.index_to_key == model.words.index_to_key
        assert again.words[END].tolist() == arrays[NAME][last].tolist()


def test_tokens_that_would_be_called_alike_keep_their_own_names(tmp_path):
    given = byte_level([" x", "▁x", "<0xE4>"])
    del given["model"]["merges"][:]
    folder = put(tmp_path / "model", two(size(given)), given)
    words = formats.load(folder).words
    assert len(set(words)) == len(words)
    assert words[given["model"]["vocab"][letters(" x")]] == "▁x"
    assert words[given["model"]["vocab"][letters("▁x")]] == letters("▁x")
    assert words[given["model"]["vocab"]["<0xE4>"]] == "<0xE4><0>"  # which was not free either


def test_vectors_of_other_tokenizers_keep_their_names(tmp_path):
    shape = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 9,
    }
    given = {"version": "1.0", "added_tokens": [], "model": shape | {"vocab": {"[UNK]": 0, "Ġthe": 1, "##s": 2}}}
    assert formats.load(put(tmp_path / "model", two(3), given)).words == ["[UNK]", "Ġthe", "##s"]


def test_the_vocabulary_of_a_bert_may_be_a_list(tmp_path):
    name = "bert.embeddings.word_embeddings.weight"
    folder = put(tmp_path / "model", {name: numbers(6, 4)}, None, {"model_type": "bert"})
    with pytest.raises(FormatError, match=r"tokenizer.json: missing; the tokens are needed.*vocab.txt"):
        formats.load(folder)
    (folder / "vocab.txt").write_bytes("[PAD]\r\n[UNK]\nthe\nking\n##s\n词\n".encode())
    model = wf.load(folder)
    assert model.words.index_to_key == ["[PAD]", "[UNK]", "the", "king", "##s", "词"]
    assert model.tokenizer.pieces_of("The kings 词x") == ["the", "king", "##s", "词", "[UNK]"]
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert wf.load(folder).tokenizer.pieces_of("The the") == ["[UNK]", "the"]
    (folder / "vocab.txt").write_bytes(b"[UNK]\nthe\nthe\n")
    with pytest.raises(FormatError, match=r"vocab.txt, line 3: the token 'the' stands there a second time"):
        formats.load(folder)
    assert formats.load(folder, repair=True).words == ["[UNK]", "the"]


def test_what_is_missing_is_named(folder, tokenizer, tmp_path):
    shutil.copytree(folder, tmp_path / "whole")
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        FormatError, match=r"1 of the 2 files .* missing: model-00002-of-00002.safetensors \(1 tensors\)"
    ):
        formats.load(folder)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(FormatError, match=r"model.safetensors: missing, and there is no model.safetensors.index.json"):
        formats.load(folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(FormatError, match=r"pytorch_model\.bin: byte 2: truncated"):
        formats.load(folder)
    index = tmp_path / "whole" / "model.safetensors.index.json"
    given = json.loads(index.read_text())
    for weights, message in [
        ({"more": "model-00001-of-00002.safetensors"}, "tensor 'more' is missing, which"),
        ({NAME: "../model.safetensors"}, "is no name of a file in the folder"),
    ]:
        index.write_text(json.dumps({"weight_map": given["weight_map"] | weights}))
        with pytest.raises(FormatError, match=message):
            formats.load(tmp_path / "whole")
    index.write_text('{"weight_map": {}}')
    with pytest.raises(FormatError, match="names no tensors"):
        formats.load(tmp_path / "whole")
    (tmp_path / "whole" / "config.json").unlink()
    with pytest.raises(FormatError, match=r"config.json: missing; it says which architecture"):
        formats.load(tmp_path / "whole")


def test_a_file_that_no_index_names_is_left_alone(folder):
    shutil.copy(folder / "model-00001-of-00002.safetensors", folder / "model-00003-of-00003.safetensors")
    assert set(formats.load(folder).network.tensors) == {NAME, LAYER, OUTPUT}


@pytest.mark.parametrize(
    ("arrays", "config", "message"),
    [
        ({LAYER: 4}, {}, r"no model with a table of tokens: none of the 1 tensors \(model.layers.0"),
        ({"base.layers.0.lora_A.weight": 4}, {}, "an adapter: none of"),
        ({NAME: 300}, {"vocab_size": 299}, "vocab_size is 299, but tensor .* has 300 rows"),
        ({NAME: 300}, {"hidden_size": 7}, "hidden_size is 7, but rows of tensor .* have 6 numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_told(tokenizer, tmp_path, arrays, config, message):
    made = {name: numbers(rows, 6) for name, rows in arrays.items()}
    folder = put(tmp_path / "model", made, tokenizer, config)
    with pytest.raises(FormatError, match=message):
        formats.load(folder)


def test_an_adapter_is_no_model(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(FormatError, match=r"an adapter is no model of its own.*merge"):
        formats.load(tmp_path)


def test_folders_of_each_kind_are_told_apart(folder, tmp_path, table):
    static = tmp_path / "static"
    formats.save(table, static, "static-embedding")
    formats.save(table, tmp_path / "native")
    wf.load(folder).save(tmp_path / "ours")
    found = [formats.recognise(tmp_path / name) for name in ("static", "native", "ours", "model")]
    assert found == ["static-embedding", "native", "checkpoint", "checkpoint"]
    with pytest.raises(FormatError, match=rf"a part of the model in {folder}: give the folder"):
        formats.load(folder / "tokenizer.json")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["transformer.wpe.weight", "transformer.wte.weight"], "transformer.wte.weight"),
        (["encoder.embed_tokens.weight", "shared.weight"], "shared.weight"),
        (
            ["model.visual.embed_tokens.weight", "model.language_model.embed_tokens.weight"],
            "model.language_model.embed_tokens.weight",
        ),
        (
            ["bert.embeddings.position_embeddings.weight", "bert.embeddings.word_embeddings.weight"],
            "bert.embeddings.word_embeddings.weight",
        ),
        (["gpt_neox.embed_in.weight", "embed_out.weight"], "gpt_neox.embed_in.weight"),
        (["backbone.embeddings.weight"], "backbone.embeddings.weight"),
        (["model.embed_tokens_per_layer.weight"], None),
    ],
)
def test_the_table_is_found_by_its_name(names, found):
    assert input_name(dict.fromkeys(names, (5, 2))) == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lm_head.weight", True),
        ("cls.predictions.decoder.weight", True),
        ("decoder.weight", True),
        ("vae.decoder.weight", False),
    ],
)
def test_the_output_table_is_found_by_its_name_and_rows(name, found):
    assert output_name({name: (5, 2)}, 5) == (name if found else None)
    assert output_name({name: (6, 2)}, 5) is None


def test_what_a_static_format_leaves_out_is_told(folder, tmp_path):
    for target, name in [("x.bin", "word2vec-binary"), ("x.safetensors", "safetensors"), ("native", "native")]:
        told = api.convert(folder, tmp_path / target, name)
        assert "the network: what it made of words in their context" in told["lost"]
        assert wf.load(tmp_path / target).words["▁the"].tolist() == wf.load(folder).words["▁the"].tolist()
    smaller = api.convert(folder, tmp_path / "small", quantize="int8")
    assert smaller["format"] == "native"
    assert "the network: what it made of words in their context" in smaller["lost"]
    other = api.convert(folder, tmp_path / "out.bin", table="output")
    assert "the network: what it made of words in their context" in other["lost"]
    assert wf.load(tmp_path / "out.bin").words["▁the"].tolist() == wf.load(folder).output["▁the"].tolist()
    kept = api.convert(folder, tmp_path / "kept")
    assert (kept["format"], kept["lost"]) == ("checkpoint", [])
    assert api.convert(folder, tmp_path / "kept")["format"] == "checkpoint"  # once more, over itself
    assert wf.load(tmp_path / "native").tokenizer == wf.load(folder).tokenizer


def test_bfloat16_stays_what_it_is(tokenizer, tmp_path):
    folder = put(tmp_path / "model", two(size(tokenizer)), tokenizer, dtype="bfloat16")
    for target in ("again", "native", "x.safetensors"):
        api.convert(folder, tmp_path / target, "native" if target == "native" else None)
        storage = formats.load(tmp_path / target).storage
        assert isinstance(storage, BFloat16)
        assert (storage.codes == formats.load(folder).storage.codes).all()
    header = (tmp_path / "again" / "model.safetensors").read_bytes()[:400]
    assert header.count(b'"BF16"') == 3
    assert b'"format": "pt"' in header


WORDS = ["<eos>", "<unk>", "the", "king", "rules", "don't", "词"]


def trained(words=WORDS, tokenizer=None, rows=0, **config):
    """What training gives: a table with all that it remembers."""
    matrix = numbers(len(words) + rows, 4)
    shape = {"model_type": "llama", "vocab_size": len(matrix), "hidden_size": 4, "tie_word_embeddings": True}
    network = Network(shape | {"eos_token_id": 0}, {NAME: matrix, LAYER: numbers(8, 4, 2)})
    described = Tokenizer.of(tokenizer or "words").describe()
    kept = {"recipe": {"model": "llm", "dim": 4}, "history": {"loss": [3.0, np.float32(2.5)]}, "tokenizer": described}
    state = {"steps": np.array([7], np.int64), "moments": numbers(3, 4)}
    counts = np.arange(len(words), 0, -1)
    return Table(words, Dense(matrix[: len(words)]), counts, kept | config, state, network=network)


@pytest.mark.parametrize("words", [WORDS, WORDS[2:]])
def test_what_is_written_comes_back(tmp_path, words):
    table = trained(words, rows=2)
    formats.save(table, tmp_path / "model")
    assert formats.recognise(tmp_path / "model") == "checkpoint"
    assert {each.name for each in (tmp_path / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "wordfield.json",
        "training.safetensors",
    }
    again = formats.load(tmp_path / "model")
    assert again.words == words
    assert again.counts.tolist() == table.counts.tolist()
    assert again.config == table.config | {"history": {"loss": [3.0, 2.5]}}
    assert again.network.config == table.network.config
    np.testing.assert_array_equal(again.storage.take(range(len(words))), table.storage.matrix)
    for name in table.state:
        np.testing.assert_array_equal(again.state[name], table.state[name])
    assert set(again.network.tensors) == set(table.network.tensors)
    assert formats.losses(table, "checkpoint") == []
    formats.save(again, tmp_path / "model")
    assert formats.load(tmp_path / "model").words == words


def test_pieces_are_written_as_they_are_or_with_the_rows_that_words_have(tokenizer, tmp_path):
    text = json.dumps(tokenizer)
    names = wf.load(put(tmp_path / "theirs", two(size(tokenizer)), tokenizer)).words.index_to_key
    described = {"name": "subwords", "lowercase": False, "subwords": text}
    table = trained(list(names), tokenizer=None)
    table.config["tokenizer"] = described
    formats.save(table, tmp_path / "same")
    assert (tmp_path / "same" / "tokenizer.json").read_text("utf-8") == text
    assert formats.load(tmp_path / "same").config["tokenizer"] == described
    mixed = [*names[::-1], "<eos>"]
    table = trained(mixed)
    table.config["tokenizer"] = described
    formats.save(table, tmp_path / "mixed")
    again = formats.load(tmp_path / "mixed")
    assert again.words == mixed
    assert again.config["tokenizer"] == described
    import tokenizers

    made = tokenizers.Tokenizer.from_file(str(tmp_path / "mixed" / "tokenizer.json"))
    theirs = tokenizers.Tokenizer.from_str(text).encode(" the king 你好\n")
    assert [mixed[row] for row in made.encode(" the king 你好\n").ids] == [names[row] for row in theirs.ids]
    assert made.token_to_id("<eos>") == len(mixed) - 1


def test_what_cannot_be_a_checkpoint_is_refused(tokenizer, tmp_path, table):
    with pytest.raises(FormatError, match="there is no network to write"):
        formats.save(table, tmp_path / "x", "checkpoint")
    others = trained()
    others.storage = Dense(others.storage.matrix + 1)
    with pytest.raises(FormatError, match="not those of the network any more"):
        formats.save(others, tmp_path / "x")
    others = trained()
    others.network.output = Dense(others.storage.matrix)
    with pytest.raises(FormatError, match="has an output table, but none of its 2 tensors"):
        formats.save(others, tmp_path / "x")
    others = trained()
    others.network.tensors = {LAYER: numbers(2, 2)}
    with pytest.raises(FormatError, match="has no table of tokens"):
        formats.save(others, tmp_path / "x")
    others = trained([*WORDS, "more"])
    others.network.tensors[NAME] = numbers(4, 4)
    with pytest.raises(FormatError, match="do not belong to the network"):
        formats.save(others, tmp_path / "x")
    names = wf.load(put(tmp_path / "theirs", two(size(tokenizer)), tokenizer)).words.index_to_key
    others = trained([*names, "more"])
    others.config["tokenizer"] = {"name": "subwords", "lowercase": False, "subwords": json.dumps(tokenizer)}
    with pytest.raises(FormatError, match="'more' is no token of the tokenizer"):
        formats.save(others, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileExistsError, match="folder that wordfield did not write"):
        formats.save(trained(), tmp_path / "theirs")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged or truncated JSON"),
        ("{}", 'the entry "wordfield", the version'),
        ('{"wordfield": 99}', "of a newer wordfield"),
        ('{"wordfield": 1, "counts": [1]}', '"counts" are not 7 whole numbers'),
    ],
)
def test_what_we_remember_is_checked(tmp_path, content, message):
    formats.save(trained(), tmp_path / "model")
    (tmp_path / "model" / checkpoint_writing.OURS).write_text(content)
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "model")


@pytest.fixture
def fewer(monkeypatch):
    """A checkpoint has so many files that of each fewer places are tried."""
    monkeypatch.setattr(fuzzing, "CUTS", 64)


def test_whatever_is_damaged_is_read_or_refused(tmp_path, fewer):
    folder = put(tmp_path / "model", two(9, 3), small(), {"tie_word_embeddings": False}, shards=2)
    survives(folder, "checkpoint", tmp_path)


def test_whatever_is_damaged_of_ours_is_read_or_refused(tmp_path, fewer):
    formats.save(trained(), tmp_path / "model")
    survives(tmp_path / "model", "checkpoint", tmp_path, 150)


def small():
    model = {
        "type": "BPE",
        "vocab": {LETTER: row for row, LETTER in enumerate("abĠ")} | {"Ġa": 3},
        "merges": [["Ġ", "a"]],
    }
    return {
        "version": "1.0",
        "added_tokens": [{"id": 5, "content": END}],
        "decoder": {"type": "ByteLevel"},
        "model": model,
    }


def test_a_stored_vocabulary_is_the_text_of_its_file(tmp_path):
    import copy

    path = tmp_path / "tokenizer.json"
    path.write_text("词", "utf-8")
    stored = Stored(path)
    path.unlink()
    assert str(stored) == "词" == copy.deepcopy(stored)
    assert stored == "词"
    assert stored != 3
    assert hash(stored) == hash("词")
    assert len(stored) == 3
    assert repr(stored) == "a tokenizer.json of 3 bytes"


MEASURED = """
import json, sys, time
from importlib import import_module
import wordfield as wf
from wordfield import formats, supervised
for module in formats.FORMATS.values():
    import_module(f"wordfield.formats.{module}")
def memory():
    fields = dict(line.split(":") for line in open("/proc/self/status"))
    return int(fields["VmRSS"].split()[0]) * 1024
before, begin = memory(), time.process_time()
model = wf.load(sys.argv[1])
seconds, after = time.process_time() - begin, memory()
told = model.info()["network"]
assert memory() - after < 1 << 20, "info has read numbers"
print(json.dumps({"seconds": seconds, "bytes": after - before, "words": len(model.words), "network": told}))
"""


@pytest.mark.skipif(JIT_OFF, reason="nothing here is compiled")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["qwen2", "llama"])  # a table alone, and a network that can be run
def test_a_large_checkpoint_opens_at_once_and_takes_little_memory(kind, tmp_path):
    """1 GB on disk, of which none is written; 150,000 tokens with their merges. Under half a second of the processor
    and 50 MB, of which usually 0.2 and 30 are taken.
    """
    folder, rows, dim = tmp_path / "large", 152_064, 1024
    folder.mkdir()
    rng = np.random.default_rng(1)
    vocabulary = {LETTERS[byte]: byte for byte in range(256)}
    vocabulary |= {letters(chr(code)): len(vocabulary) + place for place, code in enumerate(range(0x4E00, 0x9FA5))}
    known, merges = [*vocabulary], []
    latin, spaces = rng.integers(65, 91, (200_000, 6)).tolist(), rng.random(200_000).tolist()
    han = rng.integers(256, len(known), (200_000, 2)).tolist()
    for number, space in enumerate(spaces):  # most tokens are of Latin letters, as in real ones
        parts = latin[number][: 2 + number % 5] if number % 5 else han[number]
        token = ("Ġ" if space < 0.5 else "") + "".join([known[part] for part in parts])
        if len(vocabulary) == 149_990:
            break
        if token not in vocabulary:
            vocabulary[token] = len(vocabulary)
            merges.append([token[:-1], token[-1]])
    given = byte_level([], [f"<|special {number}|>" for number in range(10)])
    given["model"] |= {"vocab": vocabulary, "merges": merges}
    for place, token in enumerate(given["added_tokens"]):
        token["id"] = len(vocabulary) + place
    (folder / "tokenizer.json").write_text(json.dumps(given, ensure_ascii=False), "utf-8")
    shapes = {NAME: (rows, dim)} | {f"model.layers.{layer}.mlp.up_proj.weight": (14_000, dim) for layer in range(26)}
    files = {"model-00001-of-00002.safetensors": [NAME], "model-00002-of-00002.safetensors": [*shapes][1:]}
    for file, names in files.items():
        hollow(folder / file, {name: shapes[name] for name in names})
    weights = {name: file for file, names in files.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    config = {"model_type": kind, "vocab_size": rows, "hidden_size": dim, "num_hidden_layers": 26}
    (folder / "config.json").write_text(json.dumps(config))
    assert sum(each.stat().st_size for each in folder.glob("*.safetensors")) > 1_000_000_000
    command = [sys.executable, "-c", MEASURED, str(folder)]
    for _ in range(3):  # other work on this machine may be in the way once
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        if found["seconds"] < 0.5 and found["bytes"] < 50e6:
            break
    assert found["words"] == len(vocabulary) + 10 == 150_000
    assert (found["network"]["padding_rows"], found["network"]["dtype"]) == (2064, "bfloat16")
    assert found["seconds"] < 0.5
    assert found["bytes"] < 50e6


def hollow(path, shapes):
    """A file of bfloat16 that takes no room: all its numbers are zeros, and none is written."""
    entries, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)  # as the library safetensors does
    with path.open("wb") as stream:
        stream.write(len(head).to_bytes(8, "little") + head)
        stream.truncate(8 + len(head) + end)
