"""Chinese comes out as a person would split it, as jieba does on Chinese characters, in one process or in several."""

import os
import signal
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_scan import words_of
from support import JIT_OFF
from wordfield.text.chinese import HAN, segmented
from wordfield.text.corpus import Corpus
from wordfield.text.normalization import compatible
from wordfield.text.preparing import Preparer
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

pytest.importorskip("rjieba")
LINES = ["我喜欢自然语言处理", "小明硕士毕业于中国科学院计算所，后在日本京都大学深造", "北京大学生前来应聘 hello", ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜欢iPhone15，价格3.14元", ["我", "喜欢", "iphone15", "价格", "3.14", "元"]),
        ("2023-02-04日，1,000人don't去", ["2023", "02", "04", "日", "1000", "人", "don't", "去"]),
        ("１２３ＡＢＣ的ﬁne café", ["123abc", "的", "fine", "café"]),
        ("T恤和Ｔ恤", ["t恤", "和", "t恤"]),
        ("版本1.1.10。完", ["版本", "1.1.10", "完"]),
        ("、。！\n\n ", []),
        ("中\0国", ["中", "国"]),
    ],
)
def test_mixed_text_is_split_as_people_would(text, words):
    assert Tokenizer.of("chinese").tokenize(text) == words


def test_cuts_of_chinese_characters_are_jiebas(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jieba = pytest.importorskip("jieba")
        jieba.setLogLevel("ERROR")
        jieba.initialize()
    import regex

    text = (data / "corpora/zhwiki50m.txt").read_bytes()[:300_000].decode(errors="ignore")
    runs = regex.findall(rf"[{HAN}]+", text)
    assert len(runs) > 5000
    for run in runs:
        assert segmented(run).split("\0") == jieba.lcut(run)


def scanned(corpus, **how):
    with corpus.scan(**how) as scan:
        vocabulary = Vocabulary(list(scan.words_seen))
        return list(scan.encode(vocabulary).decode(vocabulary))


@pytest.mark.parametrize("options", [{"tokenizer": "chinese"}, {"nfkc": True}, {"script": "simplified"}])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_scan_finds_what_tokenize_finds(tmp_path, options, threads):
    if "script" in options:
        pytest.importorskip("opencc")
    path = tmp_path / "text.txt"
    path.write_text("\n".join([*LINES, "１２３，頭髮發財ﬁ"] * 40), "utf-8")
    corpus = Corpus(path, **options)
    expected = [words for line in path.read_text("utf-8").split("\n") if (words := corpus.tokenizer.tokenize(line))]
    assert list(corpus) == expected
    assert scanned(corpus, threads=threads, block=1000) == expected


MIXED = st.text(st.sampled_from("我喜欢中国科学院 T恤C++3.14,000'’\0\n\ta é①Ｚ，。-_%〇頭\u0301"), max_size=40)


@settings(deadline=None, max_examples=50 if JIT_OFF else 300)
@given(text=MIXED)
def test_the_kernel_cuts_as_the_pattern_does(text):
    tokenizer = Tokenizer.of("chinese")
    expected = [word for line in text.split("\n") for word in words_of(tokenizer.prepared(line), "chinese", True)]
    assert tokenizer.tokenize(text) == expected
    assert [word for words in scanned(Corpus([text], tokenizer=tokenizer)) for word in words] == expected


def test_a_long_line_is_cut_where_nothing_changes(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("，".join(LINES[:3] * 50), "utf-8")
    corpus = Corpus(path, tokenizer="chinese")
    assert scanned(corpus, block=300) == list(corpus)


def test_scripts_are_folded_by_words():
    pytest.importorskip("opencc")
    tokenizer = Tokenizer.of("chinese", script="simplified")
    assert tokenizer.tokenize("頭髮發財") == ["头发", "发财"]
    assert tokenizer.version.startswith("rjieba ")
    assert ", opencc " in tokenizer.version
    assert Tokenizer.of("words", script="traditional").tokenize("头发") == ["頭髮"]


def test_a_dictionary_adds_words_and_is_kept_with_the_tokenizer(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeff词嵌入方法 100 n\n\n大语言模型\n卡拉ＯＫ 50\n", "utf-8")
    tokenizer = Tokenizer.of("chinese", dictionary=path)
    text = "词嵌入方法和大语言模型，卡拉OK"
    assert tokenizer.tokenize(text) == ["词嵌入方法", "和", "大语言模型", "卡拉ok"]
    path.unlink()
    again = Tokenizer.described(tokenizer.describe())
    assert again == tokenizer
    assert again.tokenize(text) == tokenizer.tokenize(text)
    assert Tokenizer.of("chinese").tokenize(text) != tokenizer.tokenize(text)


@pytest.mark.parametrize("row", ["词 1 2", "词 1 n extra", "两个 词 3"])
def test_a_bad_row_of_a_dictionary_is_named(tmp_path, row):
    path = tmp_path / "words.txt"
    path.write_text(f"好词 3\n{row}\n", "utf-8")
    with pytest.raises(ValueError, match=r"words.txt, line 2: expected `word \[frequency \[tag\]\]`"):
        Tokenizer.of("chinese", dictionary=path)


def test_a_dictionary_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("好词 3\n".encode("gbk"))
    with pytest.raises(ValueError, match=r"words.txt: a dictionary is UTF-8 text, but byte 0 is not"):
        Tokenizer.of("chinese", dictionary=path)
    with pytest.raises(ValueError, match="dictionary goes with the tokenizer 'chinese', not with 'words'"):
        Tokenizer.of("words", dictionary=["好词"])


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(ImportError, match=r"needs rjieba.* pip install 'wordfield\[zh\]'"):
        Tokenizer.of("chinese")


def test_another_version_of_the_segmenter_is_said_once(caplog):
    description = Tokenizer.of("chinese").describe() | {"version": "rjieba 0.0.1"}
    tokenizer = Tokenizer.described(description)
    assert tokenizer.tokenize("我喜欢") == tokenizer.tokenize("我喜欢") == ["我", "喜欢"]
    assert [record.message for record in caplog.records if "the model's was by rjieba 0.0.1" in record.message] == [
        f"this text is cut by {Tokenizer.of('chinese').version}, the model's was by rjieba 0.0.1"
    ]


def test_a_process_prepares_as_this_one_does():
    tokenizer = Tokenizer.of("chinese", dictionary=["词嵌入 9"])
    with Preparer(tokenizer) as helper:
        for text in ["", "我的词嵌入\n第二行", "a" * 100_000, "中国" * 50_000]:
            assert helper.prepared(text) == tokenizer.prepared(text)


def test_a_process_that_ends_early_is_an_error_that_says_so():
    with Preparer(Tokenizer.of("chinese")) as helper:
        helper.prepared("我")
        os.kill(helper._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="the process that cuts text into words ended with status -9"):
            helper.prepared("我")


def test_the_process_needs_nothing_of_the_program_that_starts_it(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not the json you expect')")
    monkeypatch.chdir(tmp_path)
    with Preparer(Tokenizer.of("words", nfkc=True)) as helper:
        assert helper.prepared("ﬁ") == "fi"


@settings(deadline=None)
@given(text=st.text())
def test_the_short_cut_to_nfkc_changes_nothing(text):
    import unicodedata

    expected = "\n".join(unicodedata.normalize("NFKC", line) for line in text.split("\n"))
    assert compatible(text) == expected
