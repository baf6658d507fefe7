"""Sets are read in the form in which they are published, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wordfield.evaluation import association, categories, gathered, outliers, questions, recognise, similarity
from wordfield.evaluation.lines import Head
from wordfield.evaluation.sets import ORDER, task

SIMLEX = (
    "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)\n"
    "old\tnew\tA\t1.58\t2.72\t2.81\t2\t7.25\t1\t0.41\nsmart\tintelligent\tA\t9.2\t1.75\t2.46\t1\t7.11\t1\t0.67\n"
)
RARE = "squishing\tsquirt\t5.88\t7\t6\t3\t9\t10\t5\t7\t8\t2\nhandwriting\thand\t6.5\t7\t6\t3\t9\t10\t5\t7\t8\t10\n"
MULTI = (
    "ID,Word 1,Word 2,Annotator 1,Annotator 2,Annotator 3\n1,alive,living thing,4,5,6\n2,ant,plant,1,,0\n"
    "3,attend,be present,6,6,6\n"
)
PAIRS = {
    "SimLex-999.txt": (SIMLEX, [("old", "new", 1.58), ("smart", "intelligent", 9.2)]),
    "combined.csv": (
        "Word 1,Word 2,Human (mean)\nlove,sex,6.77\ntiger,cat,7.35\n",
        [("love", "sex", 6.77), ("tiger", "cat", 7.35)],
    ),
    "set1.csv": (
        'Word 1,Word 2,Human (mean),1,2\n"love","sex",6.77,9,6\ntiger,cat,7.35,9,7\n',
        [("love", "sex", 6.77), ("tiger", "cat", 7.35)],
    ),
    "MEN_dataset_lemma_form_full": (
        "sun-n sunlight-n 50.000000\nautomobile-n car-n 50.000000\nblue-j paint-v 30\n",
        [("sun", "sunlight", 50), ("automobile", "car", 50), ("blue", "paint", 30)],
    ),
    "MEN_dataset_natural_form_full": ("sun sunlight 50.000000\nx-n y 3\n", [("sun", "sunlight", 50), ("x-n", "y", 3)]),
    "rw.txt": (RARE, [("squishing", "squirt", 5.88), ("handwriting", "hand", 6.5)]),
    "MTURK-771.csv": ("access,gateway,3.79166666667\naccount,explanation,2\n", [("access", "gateway", 3.79166666667)]),
    "SimVerb-3500.txt": (
        "take\tremove\tV\t6.81\tSYNONYMS\nwalk\ttrail\tV\t4.81\tCOHYPONYMS\n",
        [("take", "remove", 6.81), ("walk", "trail", 4.81)],
    ),
    "ENG-SimLex.csv": (MULTI, [("alive", "living thing", 5), ("ant", "plant", 0.5), ("attend", "be present", 6)]),
    "EN-MC-30.txt": ("car\tautomobile\t3.92\ngem\tjewel\t3.84\n", [("car", "automobile", 3.92)]),
    "wordsim-297.txt": (
        "足球\t足球\t4.98\r\nOPEC\t石油\t4.6\r\n钱\t 现金\t4.58\r\n",
        [("足球", "足球", 4.98), ("OPEC", "石油", 4.6), ("钱", "现金", 4.58)],
    ),
    "PKU-500.txt": ("1\t没戏\t没辙\t4.3\n2\t只管\t尽管\t3.4\n", [("没戏", "没辙", 4.3), ("只管", "尽管", 3.4)]),
    "mixed.csv": ("\ufeffid,word1,word2,score\n7,a b,c,1\n8,d,e,2\n", [("a b", "c", 1), ("d", "e", 2)]),
}


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def only(path: Path) -> str:
    """The task of a file, which no other recognises."""
    head = Head.of(path)
    found = [name for name in ORDER if task(name).sniff(head)]
    assert found == [recognise(path)]
    return found[0]


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_words(tmp_path: Path, name: str) -> None:
    text, expected = PAIRS[name]
    path = write(tmp_path, name, text)
    assert only(path) == "similarity"
    found = similarity.read(path)
    assert found[: len(expected)] == expected


QUESTIONS = {
    "questions-words.txt": ": capital-common-countries\nAthens Greece Baghdad Iraq\n: family\nboy girl man woman\n",
    "morphological.txt": ":A\r\n一 一一 本 本本\r\n: B\r\n大 小 多 少\r\n",
    "msr.csv": "good,better,rough,rougher\ngood,best,rough,roughest\n",
    "msr.txt": "good better rough rougher\ngood best rough roughest\n",
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_of_four_words(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, QUESTIONS[name])
    assert only(path) == "analogy"
    found = questions.read(path)
    assert len(found) == 2
    assert [question.section for question in found] in (["capital-common-countries", "family"], ["A", "B"], ["", ""])
    assert len(found[0].asked) == 3
    assert len(found[1].right) == 1


TABLE = ",type,word1,word2,word3,target\n0,JJ_JJR,good,better,rough,rougher\n1,NN_NNPOS,city,city's,bank,bank's\n"
TABLED = [("JJ_JJR", "good", "better", "rough", "rougher", ()), ("NN_NNPOS", "city", "city's", "bank", "bank's", ())]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("msr-table.csv", TABLE, TABLED),
        (
            "quoted.csv",
            "\ufeff" + TABLE.replace("city,", '"city, state",'),
            [TABLED[0], ("NN_NNPOS", "city, state", *TABLED[1][2:])],
        ),
        ("turned.tsv", "Target\tWord3\tWord2\tWord1\nd\tc\tb\ta\nh\tg\tf\t5\n", [("", *"abcd", ()), ("", *"5fgh", ())]),
    ],
)
def test_questions_in_a_table_whose_columns_have_names(
    tmp_path: Path, name: str, text: str, expected: list[tuple[object, ...]]
) -> None:
    path = write(tmp_path, name, text)
    assert only(path) == "analogy"
    assert questions.read(path) == expected
    assert recognise(write(tmp_path, name, text.splitlines()[0] + "\n")) is None


def test_questions_and_answers_in_two_files(tmp_path: Path) -> None:
    path = write(tmp_path, "word_relationship.questions", "good better rough\ngood rough better\n")
    beside = write(tmp_path, "word_relationship.answers", "JJ_JJR rougher\nJJ_JJ rougher\n")
    assert only(path) == "analogy"
    assert recognise(beside) is None
    assert questions.read(path) == [
        ("JJ_JJR", "good", "better", "rough", "rougher", ()),
        ("JJ_JJ", "good", "rough", "better", "rougher", ()),
    ]
    assert [each.name for each in gathered(tmp_path)] == ["word_relationship"]
    beside.write_text("JJ_JJR rougher\n")
    with pytest.raises(ValueError, match=r"2 questions, but 1 answers in word_relationship\.answers"):
        questions.read(path)
    beside.write_text("JJ_JJR rougher\nrougher\n")
    with pytest.raises(ValueError, match=r"answers: line 2: a section and a word are needed"):
        questions.read(path)
    beside.unlink()
    assert recognise(path) is None


def test_pairs_with_several_answers_in_the_files_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "4_Encyclopedic_semantics"
    write(folder, "E01 [country - capital].txt", "athens\tgreece/hellas\noslo\tnorway\nrome\titaly\n")
    write(folder, "E02 [country - language].txt", "chile\tspanish\nperu\tspanish/quechua\n")
    write(folder, "metadata.json", "{}")
    (found,) = gathered(tmp_path)
    assert (found.task, found.name, len(found.files)) == ("analogy", "4_Encyclopedic_semantics", 2)
    assert only(found.files[0]) == "analogy"
    read = questions.read(found.files[0])
    assert len(read) == 6
    assert ("E01 [country - capital]", "oslo", "norway", "athens", "greece", ("hellas",)) in read
    assert ("E01 [country - capital]", "athens", "greece", "oslo", "norway", ()) in read
    write(folder, "E02 [country - language].txt", "chile\t/\nperu\tspanish\n")
    with pytest.raises(ValueError, match=r"E02 .* line 1: a word and its answers"):
        questions.read(found.files[1])


AP = ",category,word\n0,illness,acne\n1,illness,anthrax\n2,animal,\n3,animal,cat\n4,tree,oak\n"
CONCEPTS = [("acne", "illness"), ("anthrax", "illness"), ("cat", "animal"), ("oak", "tree")]
TABLES = {
    "ap.csv": AP,
    "quoted.csv": '"word","category"\n"acne","illness"\nanthrax,illness\ncat,animal\noak,tree\n',
    "bless.tsv": "concept\tclass\nacne-n\tillness\nanthrax-n\tillness\ncat-n\tanimal\noak-n\ttree\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_words_and_categories(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, TABLES[name])
    assert only(path) == "categories"
    assert categories.read([path]) == CONCEPTS


def test_two_columns_without_names(tmp_path: Path) -> None:
    rows = [("acne", "illness"), ("flu", "illness"), ("cat", "animal"), ("dog", "animal"), ("cow", "animal")]
    one = write(tmp_path, "battig.txt", "".join(f"{word}\t{kind}\n" for word, kind in rows))
    other = write(tmp_path, "turned.csv", "".join(f"{kind},{word}\n" for word, kind in rows))
    assert only(one) == only(other) == "categories"
    assert categories.read([one]) == categories.read([other]) == rows


def test_a_file_for_each_category(tmp_path: Path) -> None:
    folder = tmp_path / "ESSLLI-2a"
    for name, words in {"bird": "eagle\nowl\n", "tool": "hammer\nsaw\n", "fruit": "apple\npear\n"}.items():
        write(folder, f"{name}.txt", words)
    write(folder, "README", "These are words in their categories.\n")
    (found,) = gathered(tmp_path)
    assert (found.task, found.name) == ("categories", "ESSLLI-2a")
    assert categories.read(found.files)[:3] == [("eagle", "bird"), ("owl", "bird"), ("apple", "fruit")]
    assert not any(map(recognise, found.files))  # alone each is just a list of words
    write(folder, "text.txt", "and a text that is none\n")
    assert gathered(tmp_path) == []


GROUPS = (
    ",category,outliers,words\n"
    "0,Big_cats,\"['dog', 'Rio de Janeiro', '']\",\"['tiger', 'lion', 'lynx']\"\n"
    "1,Months,\"['Wednesday']\",\"['May', 'June']\"\n"
)


def test_groups_with_outliers_in_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "8-8-8.csv", GROUPS)
    assert only(path) == "outliers"
    assert outliers.read([path]) == [
        ("Big_cats", ["tiger", "lion", "lynx"], ["dog", "Rio_de_Janeiro"]),
        ("Months", ["May", "June"], ["Wednesday"]),
    ]


def test_groups_with_outliers_in_files(tmp_path: Path) -> None:
    folder = tmp_path / "8-8-8_Dataset"
    cats = write(folder, "Big_cats.txt", "tiger\nlion\nlynx\n\ndog\nmouse\n")
    halls = write(folder, "Q1060829.txt", "\nMadison_Square_Garden\nOlympia\n\nCBGB\nHMHS\n\n")
    (found,) = gathered(tmp_path)
    assert (found.task, found.name, found.files) == ("outliers", "8-8-8_Dataset", (cats, halls))
    assert only(cats) == only(halls) == "outliers"
    assert outliers.read(found.files) == [
        ("Big_cats", ["tiger", "lion", "lynx"], ["dog", "mouse"]),
        ("Q1060829", ["Madison_Square_Garden", "Olympia"], ["CBGB", "HMHS"]),
    ]
    halls.unlink()
    assert [each.name for each in gathered(tmp_path)] == ["Big_cats"]


WEAT = {
    "targ1": {"category": "Flowers", "examples": ["rose", "daisy"]},
    "targ2": {"category": "Insects", "examples": ["ant", "flea"]},
    "attr1": {"category": "Pleasant", "examples": ["love", "peace", "joy"]},
    "attr2": {"category": "Unpleasant", "examples": ["war", "ugly"]},
}
LINES = "Flowers: rose, daisy\nInsects: ant, flea\nPleasant: love, peace, joy\nUnpleasant:\twar\tugly\n"


@pytest.mark.parametrize(
    ("name", "text", "tests"),
    [
        ("weat1.json", json.dumps(WEAT, indent=2), ["1"]),
        ("weat.jsonl", f"{json.dumps(WEAT)}\n{json.dumps(WEAT | {'name': 'second'})}\n", ["1", "second"]),
        ("all.json", json.dumps({"one": WEAT, "two": WEAT}), ["one", "two"]),
        ("weat.txt", LINES, ["1"]),
        ("weats.txt", f"# two tests\n{LINES}\n{LINES}", ["1", "2"]),
    ],
)
def test_targets_and_attributes(tmp_path: Path, name: str, text: str, tests: list[str]) -> None:
    path = write(tmp_path, name, text)
    assert only(path) == "association"
    found = association.read(path)
    assert [each.name for each in found] == tests
    assert found[-1].targets == (("Flowers", ["rose", "daisy"]), ("Insects", ["ant", "flea"]))
    assert found[-1].attributes == (("Pleasant", ["love", "peace", "joy"]), ("Unpleasant", ["war", "ugly"]))


@pytest.mark.parametrize(
    ("suite", "name", "text", "message"),
    [
        (
            "similarity",
            "a.csv",
            "ID,Word 1,Word 2,Annotator 1,Annotator 2\n1,a,b,,\n",
            "line 2: two words and a number",
        ),
        ("similarity", "a.csv", "ID,Word 1,Word 2,Annotator 1,Annotator 2\n1,a,b,3,x\n", "line 2: two words"),
        ("categories", "a.csv", "word,category\ncat,animal\ncow\n", "line 3: a word and its category are needed"),
        ("categories", "a.csv", "a b c\n", "no column of words"),
        ("categories", "a.csv", "word,category\n,x\n", "no words with categories"),
        ("categories", "a.csv", b"word,category\ncaf\xe9,place\n", "line 2: not UTF-8"),
        ("outliers", "a.csv", "words,outliers\n\"['a', 'b']\",c\n", "line 2: lists of words are needed"),
        ("outliers", "a.csv", "words,outliers\n\"['a', 2]\",\"['c']\"\n", "line 2: lists of words"),
        ("outliers", "a.csv", "words,outliers\n\"__import__('os')\",\"['c']\"\n", "line 2: lists of words"),
        ("outliers", "a.csv", "words,outliers\n", "no groups"),
        ("outliers", "a.txt", "a\nb\n", "line 2: words that belong together.*there are 1 parts"),
        ("outliers", "a.txt", "a\nb\n\nc\n\nd\n", "line 6: words that belong together.*there are 3 parts"),
        ("outliers", "a.txt", "", "line 1: .*there are 0 parts"),
        ("association", "a.json", '{"targ1": [1]}', "test 1: an object with targ1, targ2, attr1, attr2 is needed"),
        ("association", "a.json", '{"a":\n oops}', "line 2: no JSON"),
        ("association", "a.jsonl", f"{json.dumps(WEAT)}\n{{oops\n", "line 2: no JSON object"),
        ("association", "a.json", json.dumps(WEAT | {"attr1": {"examples": []}}), 'test 1: attr1 needs "examples"'),
        ("association", "a.txt", "Flowers: rose\nInsects ant\n", "line 2: a name and words are needed"),
        ("association", "a.txt", "X: a\nY: b\nA: c\n", "line 3: a test is four lines"),
        ("association", "a.txt", "# nothing\n", "no sets of words"),
        ("analogy", "a.txt", "", "no questions"),
        ("analogy", "a.csv", TABLE.splitlines()[0], "no questions"),
        (
            "analogy",
            "a.csv",
            TABLE + "2,JJ_JJR,good,better,tall\n",
            "line 4: 6 columns with words under word1, word2, ",
        ),
        ("analogy", "a.csv", TABLE + "2,JJ_JJR,good,better,,taller\n", "line 4: 6 columns with words .*not '2,JJ_JJR"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, suite: str, name: str, text: str | bytes, message: str) -> None:
    path = write(tmp_path, name, text)
    read = {"categories": lambda path: categories.read([path]), "outliers": lambda path: outliers.read([path])}
    readers = read | {"similarity": similarity.read, "association": association.read, "analogy": questions.read}
    with pytest.raises(ValueError, match=message) as raised:
        readers[suite](path)
    assert str(path) in str(raised.value)


SCWS = "1\tBrazil\tn\tnut\tn\tmain crops <b> Brazil </b> .\tand <b> nut </b> .\t1.1\t0.0\t1.0\n" * 3
NO_SETS = {
    "scws/ratings.txt": SCWS,
    "BLESS.txt": "alligator-n amphibian attri aggressive-j\nalligator-n amphibian attri aquatic-j\n" * 3,
    "conll.txt": "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n" * 40,
    "labels.tsv": "label\ttext\n1\tA film that everybody liked.\n0\tBad, and so on and on, they said.\n" * 4,
    "lexicon.txt": "the\tle\ncat\tchat\ndog\tchien\nof\tde\n",
    "counts.tsv": "the\t100\nof\t90\nand\t80\nto\t70\n",
    "play.txt": "HAMLET: To be, or not to be, that is the question\nGHOST: Mark me, my son\n" * 2,
    "poem.txt": "Two roads diverged in a yellow wood\n\nAnd sorry I could not travel both\n",
    "vocabulary.txt": "the\nof\nand\nto\n",
    "config.json": '{"model": "glove", "dim": 3}',
    "vectors.txt": "2 3\na 1 2 3\nb 1 2 3\n",
    "sts.tsv": "1\tA plane takes off.\tAn air plane takes off.\t5\n2\tA man plays a flute.\tA man sings.\t3\n",
}


@pytest.mark.parametrize("name", NO_SETS)
def test_what_is_no_set_is_passed_over(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, NO_SETS[name])
    head = Head.of(path)
    assert [each for each in ORDER if task(each).sniff(head)] == []
    assert gathered(tmp_path) == []
    with pytest.raises(ValueError, match="two sentences" if "scws" in name else "no set that is known: neither pairs"):
        gathered(path)


def test_a_named_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "latin.txt", "café\tthé\t3\nnaïve\tna\t2\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt: line 1: not UTF-8 \(byte 3 of the line\)"):
        gathered(path)
    with pytest.raises(ValueError, match="not UTF-8"):
        gathered(write(tmp_path, "wide.txt", "a\tb\t3\n".encode("utf-16")))
    assert gathered(tmp_path) == []


@pytest.mark.data
def test_each_real_file_is_taken_for_what_it_is(data: Path) -> None:
    folders = {"similarity": "similarity", "analogy": "analogy", "categories": "categories", "outliers": "outliers"}
    for path in sorted(data.rglob("*")):
        if path.is_file():
            head = Head.of(path)
            found = [name for name in ORDER if head.lines and task(name).sniff(head)]
            expected = folders.get(path.relative_to(data).parts[0])
            if path.parent.parent.name == "wic" and ".data." in path.name:
                expected = "context"
            elif path.name.startswith("sts"):
                expected = "sentences"
            assert found == ([] if expected is None else [expected]), path
    assert {each.task for each in gathered(data)} == {*folders, "context", "sentences"}
    assert all(len(each.files) == 1 for each in gathered(data))
