"""A save that fails for any reason leaves the old model whole and nothing beside it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wordfield import formats
from wordfield.formats import FORMATS, FormatError, Table, files, tensors
from wordfield.storage import Dense

WITH_WORDS = [name for name in FORMATS if name != "floret"]  # whose files have no words


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
    import gzip

    formats.save(table, tmp_path / "a.bin")
    packed = gzip.compress((tmp_path / "a.bin").read_bytes())
    (tmp_path / "whole").write_bytes(packed)
    assert formats.load(tmp_path / "whole").words == table.words
    (tmp_path / "cut").write_bytes(packed[:-20])
    with pytest.raises(FormatError, match="cut: damaged gzip"):
        formats.load(tmp_path / "cut")


def test_temporary_names_stay_short_enough_for_any_file_system():
    assert len(files._beside(Path("词" * 80)).name.encode()) < 255
    assert tensors.ALIGNMENT == 64
