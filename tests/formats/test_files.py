"""A save that fails for any reason leaves the old model whole and nothing beside it."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from support import WITH_WORDS
from wordfield import formats
from wordfield.formats import FormatError, Table, files, projector, tensors, text_rows
from wordfield.storage import Dense


class Stop(BaseException):
    """As KeyboardInterrupt: no Exception, and may come between any two writes."""


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def other(table):
    return Table(table.words, Dense(table.storage.matrix + 1), table.counts)


class Breaking:
    """A stream that fails after some writes."""

    def __init__(self, stream, error, writes):
        self.stream, self.error, self.left = stream, error, writes

    def __enter__(self):
        self.stream.__enter__()
        return self

    def __exit__(self, *details):
        return self.stream.__exit__(*details)

    def write(self, data):
        if self.left == 0:
            raise self.error
        self.left -= 1
        return self.stream.write(data)


@pytest.mark.parametrize("reason", ["full disk", "interrupt"])
@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("name", WITH_WORDS)
def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_leftovers(
    table, tmp_path, monkeypatch, name, writes, reason
):
    error = OSError(28, "No space left on device") if reason == "full disk" else Stop()
    target = tmp_path / "model"
    formats.save(table, target, format=name)
    before, files = content(tmp_path), names(tmp_path)
    real = Path.open

    def breaking(self, mode="r", *more, **options):
        stream = real(self, mode, *more, **options)
        return Breaking(stream, error, writes) if "x" in mode else stream

    monkeypatch.setattr(Path, "open", breaking)
    monkeypatch.setattr(projector, "STEP", 1)  # else its numbers are a single write
    with pytest.raises(type(error)) as caught:
        formats.save(other(table), target, format=name)
    monkeypatch.undo()
    assert content(tmp_path) == before
    assert names(tmp_path) == files
    if isinstance(error, OSError):
        assert "No space left on device" in str(caught.value)
        assert str(target) in str(caught.value)


@pytest.mark.parametrize("name", WITH_WORDS)
def test_a_limit_of_the_system_on_the_size_of_files_leaves_the_old_file(table, tmp_path, name):
    pytest.importorskip("resource", reason="only POSIX limits the size of files")
    target = tmp_path / "model"
    formats.save(table, target, format=name)
    before, files = content(tmp_path), names(tmp_path)
    script = """if True:
        import resource, sys
        import numpy as np
        from wordfield import formats
        from wordfield.storage import Dense
        sys.dont_write_bytecode = True  # Python would keep what the limit cuts
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        table = formats.Table([str(row) for row in range(3000)], Dense(np.ones((3000, 8))))
        try:
            formats.save(table, sys.argv[1], format=sys.argv[2])
        except OSError as error:
            print(error.strerror, error.filename)
    """
    done = subprocess.run(
        [sys.executable, "-c", script, str(target), name], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "File too large" in done.stdout
    assert str(target) in done.stdout
    assert content(tmp_path) == before
    assert names(tmp_path) == files


@pytest.mark.parametrize("failing", [1, 2])
def test_a_folder_that_cannot_be_renamed_into_place_leaves_the_old_one(table, tmp_path, monkeypatch, failing):
    formats.save(table, tmp_path / "model")
    before = content(tmp_path)
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise Stop
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(Stop):
        formats.save(other(table), tmp_path / "model")
    assert content(tmp_path) == before
    assert names(tmp_path) == ["model"]


def test_a_model_is_replaced_by_another_even_while_it_is_mapped(table, tmp_path):
    formats.save(table, tmp_path / "model")
    old = formats.load(tmp_path / "model")
    formats.save(Table(old.words[::-1], old.storage, None), tmp_path / "model")
    new = formats.load(tmp_path / "model")
    assert new.words == table.words[::-1]
    assert new.counts is None
    np.testing.assert_array_equal(new.storage.matrix, table.storage.matrix)
    np.testing.assert_array_equal(old.storage.matrix, table.storage.matrix)
    assert names(tmp_path) == ["model"]


def test_a_folder_of_something_else_is_never_replaced(table, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "config.json").write_text("{}")
    for path in ("thesis", "."):
        with pytest.raises(FileExistsError, match="did not write"):
            formats.save(table, tmp_path / path, format="native")
    assert names(tmp_path / "thesis") == ["config.json"]


def test_a_model_with_files_of_the_user_beside_it_is_not_replaced(table, tmp_path):
    formats.save(table, tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        formats.save(table, tmp_path / "model")
    assert (tmp_path / "model" / "notes.txt").read_text() == "mine"


def test_an_empty_folder_and_missing_parents_are_no_obstacle(table, tmp_path):
    (tmp_path / "model").mkdir()
    formats.save(table, tmp_path / "model")
    formats.save(table, tmp_path / "a" / "b" / "model.bin")
    assert formats.load(tmp_path / "model").words == formats.load(tmp_path / "a" / "b" / "model.bin").words


def test_file_and_folder_do_not_replace_each_other(table, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file"):
        formats.save(table, tmp_path / "file")
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        formats.save(table, tmp_path / "folder.bin", format="word2vec-binary")
    with pytest.raises(NotADirectoryError, match="file is not a folder"):
        formats.check_target(tmp_path / "file" / "model")


def test_a_link_keeps_pointing_and_its_target_is_replaced(table, tmp_path):
    formats.save(table, tmp_path / "real.bin")
    (tmp_path / "link.bin").symlink_to("real.bin")
    formats.save(other(table), tmp_path / "link.bin")
    assert (tmp_path / "link.bin").is_symlink()
    assert formats.load(tmp_path / "real.bin").storage.matrix[0, 0] == 1


def test_a_new_file_has_the_permissions_of_any_and_a_replaced_one_keeps_its_own(table, tmp_path):
    formats.save(table, tmp_path / "a.bin")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (tmp_path / "a.bin").stat().st_mode == plain.stat().st_mode
    (tmp_path / "a.bin").chmod(0o640)
    formats.save(table, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o640


def test_a_pipe_or_device_is_written_to_not_replaced(table):
    formats.save(table, "/dev/null", format="word2vec-text")
    assert not Path("/dev/null").is_file()


def test_damaged_gzip_is_a_format_error(tmp_path, table):
    formats.save(table, tmp_path / "a.bin")
    packed = gzip.compress((tmp_path / "a.bin").read_bytes())
    (tmp_path / "whole").write_bytes(packed)
    assert formats.load(tmp_path / "whole").words == table.words
    (tmp_path / "cut").write_bytes(packed[:-20])
    with pytest.raises(FormatError, match="cut: damaged gzip"):
        formats.load(tmp_path / "cut")


KINDS = ["gz", "bz2", "xz", "zst", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"]


def pack(tmp_path, kind, files):
    """An archive of the files (name -> content), or the first of them packed."""
    data = next(iter(files.values()))
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "packed", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return tmp_path / "packed"
    if kind.startswith("tar"):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name.rstrip("/"))
                member.type, member.size = (tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE), len(content)
                archive.addfile(member, io.BytesIO(content))
        data = made.getvalue()
    end = kind.removeprefix("tar").removeprefix(".")
    if end == "zst":
        zstd = pytest.importorskip("backports.zstd", reason="the extra corpus brings it")
        data = zstd.compress(data)
    elif end:
        data = {"gz": gzip, "bz2": bz2, "xz": lzma}[end].compress(data)
    (tmp_path / "packed").write_bytes(data)
    return tmp_path / "packed"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary", "glove-text", "fasttext"])
def test_packed_files_are_read_whatever_they_are_called(table, tmp_path, kind, name):
    formats.save(table, tmp_path / "plain", name)
    others = {"folder/": b"", "__MACOSX/plain": b"x", ".DS_Store": b"x"} if "zip" in kind or "tar" in kind else {}
    path = pack(tmp_path, kind, {"folder/plain": (tmp_path / "plain").read_bytes()} | others)
    assert formats.recognise(path) == name
    again = formats.load(path)
    assert again.words == table.words
    np.testing.assert_array_equal(np.asarray(again.storage.matrix), table.storage.matrix)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_files_that_are_cut_are_refused(table, tmp_path, kind):
    formats.save(table, tmp_path / "plain", "word2vec-binary")
    path = pack(tmp_path, kind, {"plain": (tmp_path / "plain").read_bytes()})
    path.write_bytes(path.read_bytes()[: -700 if kind == "tar" else -30])
    if kind == "tar":  # the end of an archive is blank
        assert formats.load(path).words == table.words
        path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(
        FormatError, match=rf"packed: damaged {'|'.join(['gzip', 'bzip2', 'xz', 'zstd', 'zip', 'tar'])} data"
    ):
        formats.load(path, "word2vec-binary")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_holds_one_file(tmp_path, kind):
    vectors = b"1 2\nthe 1 2\n"
    several = pack(tmp_path, kind, {f"{number}.txt": vectors for number in range(7)})
    with pytest.raises(FormatError, match=r"holds 7 files \(0.txt, 1.txt, 2.txt, 3.txt, 4.txt, ...\); one is needed"):
        formats.load(several)
    with pytest.raises(FormatError, match="holds no file"):
        formats.load(pack(tmp_path, kind, {"folder/": b"", ".hidden": b"x"}))


def test_zip_archives_that_cannot_be_unpacked_are_refused(tmp_path):
    path = pack(tmp_path, "zip", {"plain": b"1 2\nthe 1 2\n"})
    whole = path.read_bytes()
    for offset in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        whole = whole[:offset] + b"\x01" + whole[offset + 1 :]  # encrypted
    path.write_bytes(whole)
    with pytest.raises(FormatError, match=r"packed: damaged zip data \(.*encrypted"):
        formats.load(path)


def test_without_the_extra_zstd_names_it(tmp_path, monkeypatch):
    path = pack(tmp_path, "zst", {"plain": b"1 2\nthe 1 2\n"})
    for name in ("backports", "backports.zstd", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"packed is packed with zstd; to read it: pip install 'wordfield\[corpus\]'"):
        formats.load(path)


def test_gzip_is_unpacked_without_the_extra_too(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "isal", None)
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    assert formats.load(pack(tmp_path, "gz", {"plain": b"1 2\nthe 1 2\n"})).words == ["the"]


def test_what_unpacks_to_endlessly_much_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(text_rows, "LONGEST", 1 << 16)
    path = pack(tmp_path, "bz2", {"plain": b"1 2\nthe " + b"0" * (1 << 23)})
    assert path.stat().st_size < 1000
    tracemalloc.start()
    with pytest.raises(FormatError, match="a line has no end"):
        formats.load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 25
    tracemalloc.stop()


def test_temporary_names_stay_short_enough_for_any_file_system():
    assert len(files._beside(Path("词" * 80)).name.encode()) < 255
    assert tensors.ALIGNMENT == 64
