"""Files that PyTorch wrote, both layouts, read as PyTorch reads them; and what is no file of tensors, refused."""

import json
import os
import pickle
import time
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the files are written by PyTorch: pip install 'wordfield[neural]'")

from wordfield import load  # noqa: E402
from wordfield.formats import tensors, torch_tensors  # noqa: E402
from wordfield.formats.checkpoint_parts import Tensors  # noqa: E402
from wordfield.formats.table import FormatError  # noqa: E402
from wordfield.storage import BFloat16, Float16  # noqa: E402

KINDS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
KINDS += [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


@pytest.fixture(params=["zip", "older"])
def save(request, tmp_path):
    """Writes what PyTorch saves, in one of the layouts."""

    def write(value, name="pytorch_model.bin"):
        torch.save(value, tmp_path / name, _use_new_zipfile_serialization=request.param == "zip")
        return tmp_path / name

    return write


def read(path):
    return Tensors(torch_tensors.entries(path))


def numbers(tensor):
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.detach().numpy()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_numbers_of_every_kind(save, kind):
    value = (torch.randn(5, 3) * 9).to(kind)
    found = read(save({"a.weight": value, "b": value[1:2], "empty": value[:0], "one": value[2, 1]}))
    assert [*found] == ["a.weight", "b", "empty", "one"]
    np.testing.assert_array_equal(found["a.weight"], numbers(value))
    np.testing.assert_array_equal(found["b"], numbers(value[1:2]))
    np.testing.assert_array_equal(found["one"], numbers(value[2, 1]))
    assert found["empty"].shape == (0, 3)


def test_parts_and_turned_tensors_of_one_storage(save):
    value = torch.arange(60.0).view(5, 4, 3)
    parts = {
        "turned": value.permute(2, 0, 1),
        "some": value[1::2, 1:3],
        "same": value,
        "wide": value[:, :1].expand(5, 4, 3),
    }
    found = read(save(parts))
    for name, part in parts.items():
        np.testing.assert_array_equal(found[name], part.numpy())
        assert not found[name].flags.writeable
    begins = {entry.begin for name, entry in found.entries.items() if name in ("turned", "same")}
    assert len(begins) == 1, "one storage is one place in the file"


def test_a_module_and_what_is_saved_with_it(save):
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    for value in (module.state_dict(), {"state_dict": module.state_dict(), "epoch": 3, "by": "somebody"}):
        found = read(save(value))
        assert {*found} == {*module.state_dict()}
        for name, tensor in module.state_dict().items():
            np.testing.assert_array_equal(found[name], tensor.numpy())
    parameters = read(save(dict(module.named_parameters())))
    np.testing.assert_array_equal(parameters["0.weight"], module[0].weight.detach().numpy())
    assert len(read(save({}))) == 0


def test_what_is_cut_anywhere_is_refused(save, tmp_path):
    path = save({"a": torch.randn(50, 4), "b": torch.randn(3)})
    whole = path.read_bytes()
    for end in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with pytest.raises(FormatError, match=str(tmp_path)):
            torch_tensors.entries(path)


def test_damaged_bytes_are_refused_or_read_as_numbers(save):
    path = save({"a": torch.randn(20, 4), "b": torch.randn(3).half()})
    whole, random = path.read_bytes(), np.random.default_rng(1)
    for _ in range(300):
        bad = bytearray(whole)
        bad[int(random.integers(len(bad)))] = int(random.integers(256))
        path.write_bytes(bad)
        try:
            found = Tensors(torch_tensors.entries(path))
            assert all(array.size < 1000 for array in found.values())
        except FormatError:
            pass


class Evil:
    """What runs a command where it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def test_nothing_is_executed(save, tmp_path):
    path = save({"a": torch.randn(2), "b": Evil(tmp_path / "done")})
    with pytest.raises(FormatError, match=r"'b' is no tensor but posix\.system"):
        torch_tensors.entries(path)
    path.write_bytes(pickle.dumps(Evil(tmp_path / "done"), 2))
    with pytest.raises(FormatError, match="a pickle, but no file of tensors"):
        torch_tensors.entries(path)
    with pytest.raises(FormatError, match=r"no dictionary of tensors but"):
        torch_tensors.entries(save([torch.randn(2)]))
    with pytest.raises(FormatError, match="'a' is no tensor but 3"):
        torch_tensors.entries(save({"a": 3}))
    assert not (tmp_path / "done").exists()


def test_archives_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/text", "nothing")
    with pytest.raises(FormatError, match=r"0 files data\.pkl in the archive"):
        torch_tensors.entries(path)
    torch.save({"a": torch.randn(3)}, path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(FormatError, match="is compressed"):
        torch_tensors.entries(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, b"big" if name.endswith("byteorder") else data)
    with pytest.raises(FormatError, match="big-endian"):
        torch_tensors.entries(path)


def test_a_large_file_is_opened_at_once(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    value = torch.zeros(40_000, 1024)
    value[39_999] = 7
    torch.save({"a.weight": value}, path)
    begun = time.perf_counter()
    found = read(path)
    table = found.table("a.weight")
    assert time.perf_counter() - begun < 0.5
    assert table.take([39_999])[0, 5] == 7


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_a_folder_of_either_file_is_the_same_model(tmp_path, kind):
    transformers = pytest.importorskip("transformers", reason="needs the library transformers")
    from formats.checkpoints import byte_level

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    tokenizer = byte_level(["the cat"], ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"])
    rows = len(tokenizer["model"]["vocab"]) + 5
    made = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=rows, **sizes)).to(getattr(torch, kind))
    for name in ("safe", "pickled", "sharded", "old"):
        made.save_pretrained(tmp_path / name)
        (tmp_path / name / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
        if name != "safe":
            (tmp_path / name / "model.safetensors").unlink()
    state = {name: tensor for name, tensor in made.state_dict().items() if "decoder" not in name}
    torch.save(state, tmp_path / "pickled" / "pytorch_model.bin")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in state.items()
    }
    torch.save(old, tmp_path / "old" / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    shards = {name: f"part-{number % 2}.bin" for number, name in enumerate(state)}
    for shard in {*shards.values()}:
        torch.save({name: state[name] for name in state if shards[name] == shard}, tmp_path / "sharded" / shard)
    index = tmp_path / "sharded" / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": shards}), "utf-8")
    models = {name: load(tmp_path / name) for name in ("safe", "pickled", "sharded", "old")}
    expected = models["safe"].embed(["the cat", "x"])
    for model in models.values():
        np.testing.assert_array_equal(model.embed(["the cat", "x"]), expected)
        kinds = {"float16": Float16, "bfloat16": BFloat16}
        assert type(model.words.storage) is kinds.get(kind, type(models["safe"].words.storage))
    (tmp_path / "sharded" / "part-1.bin").unlink()
    with pytest.raises(FormatError, match=r"1 of the 2 files that pytorch_model\.bin\.index\.json names are missing"):
        load(tmp_path / "sharded")
    (tmp_path / "old" / "pytorch_model.bin").unlink()
    with pytest.raises(FormatError, match=r"model\.safetensors: missing, and there is no .*nor pytorch_model\.bin"):
        load(tmp_path / "old")


def test_the_entries_of_safetensors_have_no_strides(tmp_path):
    tensors.write(tmp_path / "x", {"a": np.eye(2)})
    assert tensors.entries(tmp_path / "x")["a"].strides is None
