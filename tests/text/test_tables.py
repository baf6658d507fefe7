"""The text of a table is one field of its rows, whatever wrote the table and wherever its pieces are cut."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordfield.text import tables
from wordfield.text.sources import find, opened

TEXTS = ["The cat sat.", "他说：“好”。", 'two\nlines, a "quote"', "", "tab\there", "the end"]
JSONL = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TEXTS)).encode()


def as_csv(texts):
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["id", "text", "more"])
    writer.writerows([number, text, "x"] for number, text in enumerate(texts))
    return file.getvalue().encode()


def as_parquet(texts, kind=None, **how):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    column = pa.array(texts, pa.string())
    if kind is not None:
        column = column.cast(kind)
    parquet.write_table(pa.table({"id": list(range(len(texts))), "text": column}), file, **how)
    return file.getvalue()


def whole(texts):
    return "".join(text + "\n" for text in texts).encode()


def read(path, field=None):
    """All text of a file, once reading by lines and by buffers were seen to give the same."""
    (part,) = find([path], field)
    with opened(part) as stream:
        lines = list(stream.lines())
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    with opened(part) as stream:
        data, buffer = bytearray(stream.head), bytearray(1000)
        while size := stream.fill(memoryview(buffer)):
            data += buffer[:size]
        assert stream.done() > 0
    assert data == b"".join(lines)
    return bytes(data)


def made(kind, data, chunk, field="text"):
    """The text of a table in memory, read ``chunk`` bytes at a time, its first bytes already taken."""
    file = io.BytesIO(data)
    table = tables.Table("a table", field, file.read(4), file.read, file)
    with tables.text(kind, table, chunk) as stream:
        return stream.read()


@pytest.fixture
def table(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.zst", "jsonl"),
        ("A.CSV", "csv"),
        ("a.csv.GZ", "csv"),
        ("a.tsv.bz2", "tsv"),
        ("part-0.snappy.parquet", "parquet"),
        ("a.csv.txt", ""),
        ("a.gz", ""),
        ("csv", ""),
        (".csv", ""),
        ("a.json", ""),
        ("a.tsv.zip", ""),
    ],
)
def test_tables_are_known_by_name(table, name, kind):
    (part,) = find([table(name, b"")])
    assert (part.table, part.field) == (kind, "text")
    if kind:
        assert find([part.path], "body")[0].field == "body"
    else:
        with pytest.raises(ValueError, match=r"field 'body' was asked for, but none of these is a table"):
            find([part.path], "body")


def test_only_files_are_tables():
    assert [part.table for part in find(["-", "builtin:python-docs"])] == ["", ""]
    with pytest.raises(TypeError, match="column's number as str, not int: 2"):
        find(["-"], 2)


def zstd(data):
    module = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    return module.compress(data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd])
@pytest.mark.parametrize(("ending", "data"), [("jsonl", JSONL), ("csv", as_csv(TEXTS))])
def test_compressed_tables_are_known_by_content(table, ending, data, pack):
    assert read(table(f"a.{ending}", pack(data))) == whole(TEXTS)
    assert read(table(f"a.{ending}.gz", pack(data))) == whole(TEXTS)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv"])
def test_damaged_compressed_tables_are_named(table, ending):
    data = gzip.compress(JSONL if ending == "jsonl" else as_csv(TEXTS * 100))
    path = table(f"a.{ending}.gz", data[: len(data) // 2])
    with pytest.raises(ValueError, match=rf"a.{ending}.gz: the compressed data are damaged or cut short"):
        read(path, "id")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_marks_and_ends_of_lines_are_no_text(table, mark, end, last):
    for name, lines in {
        "a.jsonl": [b'{"text": "a b"}', b'{"text": "c"}'],
        "a.csv": [b"text", b"a b", b'"c"'],
        "a.tsv": [b"text", b"a b", b"c"],
    }.items():
        assert read(table(name, mark + end.join(lines) + last * end)) == b"a b\nc\n"
        assert read(table(name, mark + (2 * end).join(lines) + last * 2 * end)) == b"a b\nc\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf16_tables_are_refused_with_what_to_do(table, encoding):
    path = table("a.csv", "text\na\n".encode(encoding))
    with pytest.raises(ValueError, match=rf"is {encoding.upper()} text.*iconv -f {encoding.upper()} .*> utf8.csv"):
        read(path)


@given(st.lists(st.text()), st.integers(1, 50))
def test_any_texts_come_back(texts, chunk):
    for escaped in (True, False):
        lines = [json.dumps({"n": [1], "text": text, "é": "x"}, ensure_ascii=escaped) for text in texts]
        assert made("jsonl", "\n".join(lines).encode(), chunk) == whole(texts)
    assert made("csv", as_csv(texts), chunk) == whole(texts)


@given(st.lists(st.text(st.characters(exclude_characters="\t\n", codec="utf-8"))), st.integers(1, 50))
def test_any_lines_without_tabs_come_back_from_tsv(texts, chunk):
    rows = "".join(f"{number}\t{text}\tx\n" for number, text in enumerate(texts))
    assert made("tsv", ("id\ttext\tmore\n" + rows).encode(), chunk) == whole(texts)


@settings(deadline=None)  # the first import of pyarrow takes its time
@given(st.lists(st.text() | st.none()), st.integers(1, 5000), st.integers(1, 20))
def test_any_texts_come_back_from_parquet(texts, chunk, group):
    assert made("parquet", as_parquet(texts, row_group_size=group), chunk) == whole(text or "" for text in texts)


@given(st.lists(st.binary(max_size=20).filter(lambda text: b"\n" not in text and b"\t" not in text)))
def test_invalid_utf8_comes_through_as_it_is(texts):
    texts += [b"b\xffd\xe4\xb8 \xed\xa0\x80"]
    expected = b"".join(text + b"\n" for text in texts)
    rows = b"".join(b"1\t" + text + b"\tx\n" for text in texts)
    assert made("tsv", b"id\ttext\tmore\n" + rows, 10) == expected
    rows = b"".join(b'1,"' + text.replace(b'"', b'""') + b'"\n' for text in texts)
    assert made("csv", b"id,text\n" + rows, 10) == expected
    plain = [text for text in texts if not set(text) & {*range(32), *b'"\\'}]
    lines = b"".join(b'{"text": "' + text + b'"}\n' for text in plain)
    assert made("jsonl", lines, 10) == b"".join(text + b"\n" for text in plain)


def test_half_a_pair_of_surrogates_becomes_a_replacement_character(table):
    data = rb'{"text": "a\ud800\ud83d\ude00\udcff"}' + b"\n" + rb'{"text": "a\ud800' + b'\xff"}\n'
    assert read(table("a.jsonl", data)) == "a\ufffd😀\ufffd\na\ufffd".encode() + b"\xff\n"


def test_null_is_as_empty(table):
    assert read(table("a.jsonl", '{"text": "a"}\n{"text": null}\n{"text": ""}\n{"text": "b"}\n')) == b"a\n\n\nb\n"
    assert read(table("a.jsonl", '{"text": null, "x": NaN}\n{"text": "b"}\n')) == b"\nb\n"
    assert read(table("a.csv", "x,text\n1,a\n2,\n3,b\n")) == b"a\n\nb\n"


@pytest.mark.parametrize("field", ["body", "正文", "a b", 'a"b', "a\\b", "a\tb", "", "__class__", "1"])
def test_any_field_may_be_named(table, field):
    row = {"text": 1, "other": None, field: "yes"}
    assert read(table("a.jsonl", json.dumps(row)), field) == b"yes\n"
    assert read(table("a.csv", 'text,"' + field.replace('"', '""') + '",3\nno,yes,no\n'), field) == b"yes\n"


def test_columns_may_be_numbered(table):
    path = table("a.csv", "x,y,2\na,b,c\n")
    assert [read(path, field) for field in ("1", "2", "y")] == [b"a\n", b"c\n", b"b\n"]
    assert read(table("a.tsv", "x\ty\na\tb\n"), "2") == b"b\n"
    for field in ("0", "4", "-1", "²", "1.0"):
        with pytest.raises(ValueError, match=r"line 1: has no field '.*'; its fields: x, y, 2; name one with --field"):
            read(path, field)


def test_fields_and_lines_may_be_long(table):
    texts, before = ["x" * 3_000_000, "y"], csv.field_size_limit()
    assert read(table("a.csv", as_csv(texts))) == whole(texts)
    assert csv.field_size_limit() == before
    assert made("jsonl", json.dumps({"text": texts[0]}).encode(), 10) == whole(texts[:1])


def test_quotes_are_characters_in_tsv_and_nul_is_one_anywhere(table):
    assert read(table("a.tsv", 'text\tx\n"a\tb"\n""c"\td\re\r\n')) == b'"a\n""c"\n'
    assert read(table("a.tsv", "x\ttext\n1\ta\0\n")) == read(table("a.csv", "x,text\n1,a\0\n")) == b"a\0\n"


JSON_ERRORS = {
    '{"text": "a"': r"not JSON \(Expecting ',' delimiter at column 13\); each line must be an object such as",
    '{"text": "a': r"not JSON \(Unterminated string starting at at column 10\)",
    '{"text": "a"} {"text": "b"}': r"not JSON \(Extra data at column 15\)",
    "text": r"not JSON \(Expecting value at column 1\)",
    '{"x": ' + "[" * 200_000: r"not JSON \(maximum recursion depth",
    "[1]": "an array where an object such as",
    '"text"': "a string where an object",
    "null": "null where an object",
    "true": "a boolean where an object",
    "{}": "has no field 'text'; its fields: none",
    '{"id": 1, "bo\\ndy": ""}': r"has no field 'text'; its fields: id, bo\\ndy; name one with --field / field=",
    '{"text": 3}': "field 'text' is a number, not a string; name one with --field / field=",
    '{"text": {"a": ""}}': "field 'text' is an object",
    json.dumps(dict.fromkeys(range(50))): "has no field 'text'; its fields: 0, 1, .*, 19 and 30 more; name",
}


@pytest.mark.parametrize("line", JSON_ERRORS)
@pytest.mark.parametrize("before", ["", '{"text": "fine"}\n\n' * 3])
def test_a_bad_json_line_is_named(table, line, before):
    path = table("a.jsonl", before + line)
    with pytest.raises(ValueError, match=f"a.jsonl, line {1 + before.count(chr(10))}: {JSON_ERRORS[line]}"):
        read(path)


@pytest.mark.parametrize("chunk", [1, 20, 100, 1 << 20])
def test_lines_and_rows_are_counted_across_pieces(chunk):
    with pytest.raises(ValueError, match="a table, line 101: has no field"):
        made("jsonl", b'{"text": "a"}\n' * 100 + b'{"no": ""}\n' + b'{"text": "a"}\n' * 10, chunk)
    with pytest.raises(ValueError, match="a table, line 302: 1 columns"):
        made("csv", b'x,text\n"1\n\n",a\n' + b'1,"a\nb\n"\n' * 99 + b'"1\n"\n2,a\n', chunk)
    with pytest.raises(ValueError, match="a table, line 102: 1 columns"):
        made("tsv", b"x\ttext\n" + b'"1\ta\n' * 99 + b"\n2\n1\ta\n", chunk)


CSV_ERRORS = {
    "": "line 1: no header; the first line must name the columns",
    "\r\n\n": "line 1: no header",
    "id,,body\n1,2,3": "line 1: has no field 'text'; its fields: id, , body; name one with --field / field=",
    "id,text\n1,a\n2\n": "line 3: 1 columns, but field 'text' is column 2",
    'id,text\n"1\n",a\n2,"b\nc\n': r"line 4: not CSV \(unexpected end of data\); quote a field",
    'id,text\n1,"a" b\n': r"line 2: not CSV \(',' expected after '\"'\); quote a field that holds quotes",
    "id,text\n1,a\rb\n": r"line 2: not CSV \(new-line character seen in unquoted field",
}


@pytest.mark.parametrize("data", CSV_ERRORS)
def test_a_bad_csv_row_is_named(table, data):
    path = table("a.csv", data)
    with pytest.raises(ValueError, match=f"a.csv, {CSV_ERRORS[data]}"):
        read(path)


def test_a_gbk_header_is_shown(table):
    path = table("a.csv", "编号,正文\n1,好\n".encode("gbk"))
    with pytest.raises(ValueError, match="line 1: has no field 'text'") as caught:
        read(path)
    assert str(caught.value).encode()


def test_an_empty_table_is_an_empty_text(table):
    assert read_nothing(table("a.jsonl", "\n")) == b""
    assert read_nothing(table("a.csv", "text\n")) == b""
    assert read_nothing(table("a.tsv", "text\tb")) == b""
    assert read_nothing(table("a.parquet", as_parquet([]))) == b""
    with opened(find([table("b.jsonl", "")])[0]) as stream:
        assert list(stream.lines()) == []


def read_nothing(path):
    with opened(find([path])[0]) as stream:
        return stream.text.read()


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_parquet_keeps_text_in_several_types(table, kind, compression):
    pa = pytest.importorskip("pyarrow")
    of = pa.dictionary(pa.int32(), pa.string()) if kind == "dictionary" else getattr(pa, kind)()
    texts = [*TEXTS, None, "x"] * 1000
    path = table("a.parquet", as_parquet(texts, of, compression=compression))
    assert read(path) == whole(text or "" for text in texts)


def test_parquet_of_other_types_is_refused(table):
    path = table("a.parquet", as_parquet(TEXTS))
    with pytest.raises(ValueError, match=r"a.parquet: field 'id' is int64, not string; name one with --field / field="):
        read(path, "id")
    with pytest.raises(ValueError, match=r"a.parquet has no field 'body'; its fields: id, text; name one with --field"):
        read(path, "body")
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="field 'text' is binary, not string"):
        read(table("a.parquet", as_parquet(TEXTS, pa.binary())))
    with pytest.raises(ValueError, match=r"a.parquet.gz is compressed as a whole.*decompress it first"):
        read(table("a.parquet.gz", gzip.compress(as_parquet(TEXTS))))


def test_damaged_parquet_is_named(table):
    data = as_parquet(TEXTS * 2000, use_dictionary=False)
    place = pytest.importorskip("pyarrow.parquet").ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(1)
    zeros = data[: place.data_page_offset] + bytes(100) + data[place.data_page_offset + 100 :]
    for bad in (b"", b"PAR1", b"text\nPAR1", data[:-3], data[: len(data) // 2], data[-100:], zeros):
        with pytest.raises(ValueError, match=r"a.parquet, from row \d+: not Parquet, or damaged or cut short"):
            read(table("a.parquet", bad))


def test_parquet_is_read_in_pieces_and_says_how_far(table):
    path = table("a.parquet", as_parquet([f"text {number}" for number in range(300_000)], row_group_size=10_000))
    with opened(find([path])[0]) as stream:
        done, buffer = [], bytearray(100_000)
        while stream.fill(memoryview(buffer)):
            done.append(stream.done())
    assert done == sorted(done)
    assert 0 < done[0] < path.stat().st_size / 5
    assert path.stat().st_size / 2 < done[-1] <= path.stat().st_size


def test_parquet_without_the_extra_says_what_to_install(table, monkeypatch):
    path = table("a.parquet", b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"a.parquet is a Parquet file.*pip install 'wordfield\[corpus\]'"):
        read(path)


def test_real_tsv_files_are_read_row_by_row(data):
    rows = (data / "classify" / "chnsenticorp.train.tsv").read_text("utf-8").split("\n")[1:-1]
    assert read(data / "classify" / "chnsenticorp.train.tsv", "text_a") == whole(row.split("\t")[1] for row in rows)
    assert len(rows) == 9600
    pairs = (data / "contextual" / "stsbenchmark.tsv").read_text("utf-8").split("\n")[1:-1]
    assert read(data / "contextual" / "stsbenchmark.tsv", "sentence2") == whole(row.split("\t")[7] for row in pairs)
    assert read(data / "contextual" / "stsbenchmark.tsv", "8").startswith(b"An air plane is taking off.\n")
    with pytest.raises(ValueError, match="its fields: split, genre, dataset, year, sid, score, sentence1, sentence2;"):
        read(data / "contextual" / "stsbenchmark.tsv")


def test_real_csv_files_are_read_row_by_row(data):
    words = read(data / "categories" / "ap.csv", "word").split()
    assert (words[0], len(words)) == (b"acne", 402)
    assert read(data / "outliers" / "8-8-8.csv", "words").startswith(b"['Apple', 'Foxconn'")
