"""Words beyond the vocabulary: each policy gives every model the same, and says what it gave."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import wordfield
from formats.checkpoints import byte_level
from wordfield import unknown
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.pieces import PieceVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import KINDS, POLICIES, QUESTIONS, TEXTS, Unknown, nearest_spellings
from wordfield.vectors import WordVectors

WORDS = ["king", "kings", "keyboard", "queen", "athens", "x"]
COUNTS = [60, 50, 40, 30, 20, 10]


@pytest.fixture
def plain() -> WordVectors:
    """Six words, each one row."""
    return WordVectors(Vocabulary(WORDS, COUNTS), Dense(np.arange(18, dtype=np.float32).reshape(6, 3) + 1))


@pytest.fixture
def parts() -> WordVectors:
    """The same words with n-grams of three characters."""
    vocabulary = NgramVocabulary(WORDS, COUNTS, Ngrams(3, 3, 1 << 16))
    matrix = np.random.default_rng(1).normal(size=(vocabulary.table_rows, 3)).astype(np.float32)
    return WordVectors(vocabulary, Dense(matrix))


@pytest.fixture
def tokens() -> WordVectors:
    return of_tokens("z", "▁q")


def of_tokens(*without: str) -> WordVectors:
    """The tokens of some words after a space, and all bytes but some."""
    pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")
    given = byte_level([" king", " queen", " Athens", " sparta", " un", "fath", "able"])
    tokenizer = Tokenizer("subwords", False, subwords=json.dumps(given))
    words = [word for word in tokenizer.pieces.listed() if word not in without]
    matrix = np.random.default_rng(1).normal(size=(len(words), 3)).astype(np.float32)
    return WordVectors(PieceVocabulary(words, None, tokenizer), Dense(matrix))


def edits(one: str, other: str) -> int:
    """Letters left out, added, replaced or swapped with the next, from the definition."""
    table = [[max(i, j) if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def test_it_is_a_public_name() -> None:
    assert wordfield.Unknown is Unknown


@pytest.mark.parametrize("policy", POLICIES)
def test_a_known_word_has_its_own_vector_under_each_policy(plain: WordVectors, policy: unknown.Policy) -> None:
    found = Unknown(policy).find(plain, ["queen", "king", "queen"])
    np.testing.assert_array_equal(found.vectors, plain[["queen", "king", "queen"]])
    assert found.known.tolist() == [True, True, True]
    assert found.origins == ["its own row"] * 3
    assert found.terms == ["queen", "king", "queen"]
    assert found.rows == [[3], [0], [3]]
    assert list(found.notes) == []
    nothing = Unknown(policy).find(plain, [])
    assert nothing.vectors.shape == (0, 3)
    assert (nothing.origins, nothing.terms, nothing.rows) == ([], [], [])


def test_raise_names_the_first_word_and_near_spellings(plain: WordVectors, parts: WordVectors) -> None:
    for words in (plain, parts):
        with pytest.raises(KeyError, match=r"'kinq' is not among the 6 words; similar words that are: king"):
            Unknown("raise").find(words, ["king", "kinq", "zzz"])


def test_skip_leaves_out(plain: WordVectors, parts: WordVectors) -> None:
    for words in (plain, parts):
        found = Unknown("skip").find(words, ["kinq", "king"])
        assert found.vectors[0].tolist() == [0, 0, 0]
        assert found.known.tolist() == [False, True]
        assert found.terms == [None, "king"]
        assert found.kinds[0] == "nothing"
        assert list(found.notes) == [("kinq", "nothing")]
        assert found.rows[0] == []


def test_zero_gives_zeros_that_count(plain: WordVectors) -> None:
    found = Unknown("zero").find(plain, ["kinq", "king", "kinq"])
    assert found.known.all()
    assert found.origins == ["zeros", "its own row", "zeros"]
    assert not found.vectors[[0, 2]].any()
    assert found.terms[0] is not None
    assert list(found.notes) == [("kinq", "zeros")]
    assert found.rows[0] == []


def test_subword_is_the_mean_of_the_n_grams(parts: WordVectors) -> None:
    found = Unknown("subword").find(parts, ["kingz", "king", "", "a"])
    np.testing.assert_array_equal(found.vectors[0], parts["kingz"])
    np.testing.assert_array_equal(found.vectors[1], parts["king"])
    assert found.origins == [
        "n-grams, 3 of 5 known",
        "its own row and n-grams, 4 of 4 known",
        "nothing",
        "n-grams, 0 of 1 known",
    ]
    assert found.stand_ins == [None, "king", None, None]
    rows = parts.vocabulary.bags(["kingz"]).rows.tolist()
    assert found.rows[0] == rows
    np.testing.assert_allclose(found.vectors[0], parts.storage.take(rows).mean(axis=0), rtol=1e-5)
    assert [word for word, _ in found.notes] == ["kingz", "", "a"]


def test_subword_leaves_out_where_there_are_no_n_grams(plain: WordVectors, parts: WordVectors) -> None:
    assert Unknown("subword").find(plain, ["kingz"]).origins == ["nothing"]
    assert Unknown("subword").applied(plain) == "skip"
    assert Unknown("subword").applied(parts) == "subword"
    assert Unknown("rare").applied(plain) == "rare"
    with pytest.raises(KeyError, match="kingz"):
        QUESTIONS.find(plain, ["kingz"])
    assert QUESTIONS.find(parts, ["kingz"]).kinds == ["n-grams"]
    assert TEXTS.find(plain, ["kingz"]).kinds == ["nothing"]


def test_subword_is_the_token_of_a_word_or_the_mean_of_its_pieces(tokens: WordVectors) -> None:
    found = QUESTIONS.find(tokens, ["king", "unfathable", "▁queen"])
    assert found.kinds == ["pieces", "pieces", "its own row"]
    assert found.origins == ["the token ▁king", "3 pieces: ▁un fath able", "its own row"]
    assert found.stand_ins == ["▁king", None, "▁queen"]
    np.testing.assert_array_equal(found.vectors[0], tokens["▁king"])
    np.testing.assert_allclose(found.vectors[1], tokens[["▁un", "fath", "able"]].mean(axis=0), rtol=1e-6)
    index = tokens.vocabulary.index
    assert found.rows == [[index["▁king"]], [index[each] for each in ("▁un", "fath", "able")], [index["▁queen"]]]
    assert list(found.notes) == [("king", "the token ▁king"), ("unfathable", "3 pieces: ▁un fath able")]
    assert found.terms[0] == "▁king"
    assert set(found.kinds) <= set(KINDS)
    assert Unknown("subword").applied(tokens) == "subword"
    assert TEXTS.find(tokens, ["kingz", "king"]).origins == ["nothing", "the token ▁king"]
    with pytest.raises(KeyError, match="'kingz' is not among the"):
        QUESTIONS.find(tokens, ["king", "kingz"])


def test_a_word_of_tokens_is_unknown_under_other_policies(tokens: WordVectors) -> None:
    assert Unknown("skip").find(tokens, ["king", "▁king"]).known.tolist() == [False, True]
    assert Unknown("zero").find(tokens, ["king"]).kinds == ["zeros"]
    assert Unknown("rare").find(tokens, ["king"]).kinds == ["rare words"]
    assert Unknown("spelling").find(tokens, ["king", "queeen"]).stand_ins == ["▁king", "▁queen"]
    with pytest.raises(KeyError, match="similar words that are: ▁king"):
        Unknown("raise").find(tokens, ["king"])


def test_a_word_of_tokens_keeps_its_capitals_unless_its_lower_case_is_a_token(tokens: WordVectors) -> None:
    found = Unknown("subword", lower=True).find(tokens, ["Athens", "Sparta", "SPARTA", "Unfathable", "athens"])
    assert found.stand_ins == ["▁Athens", "▁sparta", "▁sparta", None, None]
    assert found.origins[:3] == ["the token ▁Athens", "the token ▁sparta", "the token ▁sparta"]
    assert found.origins[3] == "4 pieces: U n fath able"
    assert Unknown("subword", lower=True).find(tokens, ["Zebra", "Quiz"]).known.tolist() == [True, False]
    fewer = of_tokens("U")
    assert Unknown("subword", lower=True).find(fewer, ["Unfathable"]).origins == ["3 pieces: ▁un fath able"]
    assert Unknown("subword").find(fewer, ["Unfathable"]).origins == ["nothing"]
    assert Unknown("spelling", lower=True).find(tokens, ["KING"]).stand_ins == ["▁king"]


def test_a_text_that_is_cut_into_pieces_is_not_cut_again(tokens: WordVectors) -> None:
    assert TEXTS.in_text(tokens).policy == "skip"
    assert Unknown("zero").in_text(tokens).policy == "zero"
    made = StaticModel(tokens, tokens.vocabulary.tokenizer)  # type: ignore[attr-defined]
    vectors, tally, _ = made.embedded([" kingz qa"])
    assert tally == {"its own row": 2, "nothing": 2}
    np.testing.assert_allclose(vectors[0], tokens[["▁king", "a"]].mean(axis=0), rtol=1e-6)
    told = wordfield.api.tokens(made, " kingz")
    assert [(each["word"], each["known"], each["origin"]) for each in told] == [
        ("▁king", True, "its own row"),
        ("z", False, "nothing"),
    ]


def test_spelling_takes_the_nearest_word(plain: WordVectors, parts: WordVectors) -> None:
    for words in (plain, parts):
        found = Unknown("spelling").find(words, ["keybord", "kyebaord", "zebra", "king"])
        assert found.stand_ins == ["keyboard", "keyboard", None, "king"]
        assert found.origins[:3] == ["the spelling 'keyboard', 1 edit", "the spelling 'keyboard', 2 edits", "nothing"]
        np.testing.assert_array_equal(found.vectors[0], words["keyboard"])
        assert found.terms[:3] == ["keyboard", "keyboard", None]
        assert found.rows[0] == words.vocabulary.bags(["keyboard"]).rows.tolist()
    with pytest.raises(KeyError, match="zebra"):
        Unknown("spelling", strict=True).find(plain, ["keybord", "zebra"])


def test_of_equal_spellings_the_most_frequent_and_no_more_edits_than_a_third_of_the_letters() -> None:
    vocabulary = Vocabulary(["bat", "cat", "rabbit", "rabbet"])
    assert nearest_spellings(vocabulary, ["rat", "rabbat", "at", "rxbbxt"]) == [
        ("bat", 1),
        ("rabbit", 1),
        None,
        ("rabbit", 2),
    ]
    assert nearest_spellings(vocabulary, ["rxbbxt", "rabbat"], 1) == [None, ("rabbit", 1)]
    assert nearest_spellings(Vocabulary([]), ["rat"]) == [None]


def test_the_nearest_spelling_is_that_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(1)
    words = list(dict.fromkeys("".join(draw.choices("abc", k=draw.randint(1, 9))) for _ in range(150)))
    asked = ["".join(draw.choices("abcd", k=draw.randint(0, 10))) for _ in range(60)]
    asked = [word for word in asked if word not in words]
    monkeypatch.setattr(unknown, "AT_ONCE", 500)  # several steps
    monkeypatch.setattr(unknown, "SEARCHED", 100)
    expected = []
    for word in asked:
        distances = [edits(word, other) for other in words[:100]]
        nearest = min(distances)
        there = nearest <= min(2, len(word) // 3)
        expected.append((words[distances.index(nearest)], nearest) if there else None)
    assert nearest_spellings(Vocabulary(words), asked) == expected
    assert 10 < sum(found is not None for found in expected) < len(asked) - 10


def test_rare_is_the_mean_of_the_rarest(plain: WordVectors) -> None:
    found = Unknown("rare", rarest=2).find(plain, ["zebra", "king", "yak"])
    np.testing.assert_allclose(found.vectors[0], plain[["athens", "x"]].mean(axis=0))
    np.testing.assert_array_equal(found.vectors[0], found.vectors[2])
    assert found.origins[0] == "the mean of the 2 rarest words"
    assert found.rows == [[4, 5], [0], [4, 5]]
    everything = Unknown("rare").find(plain, ["zebra"])
    np.testing.assert_allclose(everything.vectors[0], plain[WORDS].mean(axis=0))
    assert everything.origins == ["the mean of the 6 rarest words"]


def test_the_rarest_are_those_of_the_smallest_counts_wherever_they_stand() -> None:
    storage = Dense(np.eye(3, dtype=np.float32))
    counted = WordVectors(Vocabulary(["seldom", "often", "sometimes"], [1, 9, 5]), storage)
    assert Unknown("rare", rarest=1).find(counted, ["?"]).vectors.tolist() == [[1, 0, 0]]
    uncounted = WordVectors(Vocabulary(["seldom", "often", "sometimes"]), storage)
    assert Unknown("rare", rarest=1).find(uncounted, ["?"]).vectors.tolist() == [[0, 0, 1]]


def test_lower_case_is_tried_where_that_is_wanted(plain: WordVectors, parts: WordVectors) -> None:
    found = Unknown("skip", lower=True).find(plain, ["Athens", "king", "Sparta"])
    assert found.stand_ins == ["athens", "king", None]
    assert found.origins == ["the word in lower case, 'athens'", "its own row", "nothing"]
    assert list(found.notes) == [("Athens", "the word in lower case, 'athens'"), ("Sparta", "nothing")]
    made = Unknown("subword", lower=True).find(parts, ["KINGZ"])
    np.testing.assert_array_equal(made.vectors[0], parts["kingz"])
    assert made.origins == ["n-grams, 3 of 5 known"]
    assert Unknown("spelling", lower=True).find(plain, ["QUEENS"]).stand_ins == ["queen"]
    assert Unknown("skip").find(plain, ["Athens"]).kinds == ["nothing"]


def test_what_somebody_gives_becomes_a_policy() -> None:
    usual = Unknown("subword", lower=True, strict=True)
    assert Unknown.of(None, usual) is usual
    assert Unknown.of("spelling", usual) == Unknown("spelling", lower=True)
    assert Unknown.of(Unknown("rare", 7), usual) == Unknown("rare", 7)
    with pytest.raises(TypeError, match="unknown= takes one of raise, skip"):
        Unknown.of(3, usual)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown policy 'guess' for unknown words; known: raise, skip"):
        Unknown.of("guess", usual)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [{"rarest": 0}, {"edits": 0}, {"edits": True}, {"rarest": 2.5}])
def test_wrong_numbers_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(numbers))} is a whole number, at least 1, not"):
        Unknown("rare", **numbers)


def test_what_is_no_word_is_refused(plain: WordVectors) -> None:
    with pytest.raises(TypeError, match=r"a list of words is needed, not one: \['king'\]"):
        Unknown("skip").find(plain, "king")
    with pytest.raises(TypeError, match="words are str, not int: 3"):
        Unknown("skip").find(plain, ["king", 3])  # type: ignore[list-item]


TEXT = ["king kinq kinq", "zzzzz", "", "king"]


def model(words: WordVectors) -> StaticModel:
    return StaticModel(words, Tokenizer.of("words"))


def test_in_a_text_zeros_count_and_what_is_left_out_does_not(plain: WordVectors) -> None:
    king, rare = plain["king"], plain[["x"]].mean(axis=0)
    wanted = {
        "skip": [king, 0 * king, 0 * king, king],
        "subword": [king, 0 * king, 0 * king, king],
        "zero": [king / 3, 0 * king, 0 * king, king],
        "spelling": [king, 0 * king, 0 * king, king],
    }
    for policy, vectors in wanted.items():
        np.testing.assert_allclose(model(plain).embed(TEXT, policy), vectors, rtol=1e-6)
    vectors = model(plain).embed(TEXT, Unknown("rare", rarest=1))
    np.testing.assert_allclose(vectors, [(king + 2 * rare) / 3, rare, 0 * king, king], rtol=1e-6)
    with pytest.raises(KeyError, match="kinq"):
        model(plain).embed(TEXT, "raise")
    np.testing.assert_array_equal(model(plain).embed(TEXT), model(plain).embed(TEXT, "skip"))


def test_of_words_with_n_grams_a_text_is_the_mean_of_directions_under_each_policy(parts: WordVectors) -> None:
    def direction(word: str) -> np.ndarray:
        return parts[word] / np.linalg.norm(parts[word])

    king, kinq = direction("king"), direction("kinq")
    cases = {"subword": (king + 2 * kinq) / 3, "skip": king, "zero": king / 3, "spelling": king}
    for policy, wanted in cases.items():
        np.testing.assert_allclose(model(parts).embed(TEXT, policy)[0], wanted, rtol=1e-5)
    np.testing.assert_array_equal(model(parts).embed(TEXT), model(parts).embed(TEXT, "subword"))
    rare = parts[["x"]].mean(axis=0)
    found = model(parts).embed(TEXT, Unknown("rare", rarest=1))[0]
    np.testing.assert_allclose(found, (king + 2 * rare / np.linalg.norm(rare)) / 3, rtol=1e-5)


def test_how_many_words_of_texts_came_from_where_is_counted(
    plain: WordVectors, parts: WordVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordfield.static.AT_ONCE", 2)  # several steps
    assert model(plain).embedded(TEXT)[1] == {"its own row": 2, "nothing": 3}
    assert model(plain).embedded(TEXT, "spelling")[1] == {"its own row": 2, "another spelling": 2, "nothing": 1}
    assert model(parts).embedded(TEXT)[1] == {"its own row": 2, "n-grams": 3}
    vectors, tally, sizes = model(parts).embedded(TEXT, "rare")
    assert tally == {"its own row": 2, "rare words": 3}
    assert set(tally) <= set(KINDS)
    assert sum(sizes) == sum(tally.values()) == 5
    monkeypatch.setattr("wordfield.static.AT_ONCE", 1000)
    np.testing.assert_array_equal(model(parts).embed(TEXT, "rare"), vectors)
