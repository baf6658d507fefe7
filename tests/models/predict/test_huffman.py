"""The tree of hierarchical softmax: the shortest codes there are, and growth that keeps every old turn."""

import heapq

import numpy as np
import pytest

import naive
from wordfield.kernels.trees import TILE, huffman, paths
from wordfield.models.predict.huffman import grown, root


def codes(children, words):
    """[(node, turn) ...] of each word, from the paths that the kernel walks."""
    found = paths(children, root(children), words, 10**6)
    result = []
    for word in range(words):
        own = slice(found.starts[word], found.starts[word + 1])
        used = found.weights[own] == 1
        assert (found.nodes[own][~used] == 10**6).all()
        assert (found.starts[word + 1] - found.starts[word]) % TILE == 0
        turns = 1 - found.labels[own][used].astype(int)
        result.append(list(zip(found.nodes[own][used].tolist(), turns.tolist(), strict=True)))
    return result


def least_cost(counts):
    """The turns of all tokens together, by a heap."""
    heap, cost = list(map(int, counts)), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    return cost


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("words", [2, 3, 10, 200])
def test_no_tree_has_fewer_turns(words, seed):
    counts = np.sort(np.random.default_rng(seed).zipf(1.3, words).clip(1, 10**6))[::-1].astype(np.int64)
    found = codes(huffman(counts), words)
    assert sum(len(code) * int(count) for code, count in zip(found, counts, strict=True)) == least_cost(counts)
    assert len({tuple(code) for code in found}) == words


def test_the_tree_is_the_one_that_joining_the_two_rarest_makes():
    counts = np.array([9, 5, 5, 3, 2, 2, 1, 1], np.int64)
    assert codes(huffman(counts), 8) == naive.huffman_codes(counts)


@pytest.mark.parametrize("weights", [[1], [1, 1], [40, 3, 1], [10_000, 5_000], [3] * 30])
@pytest.mark.parametrize("old_words", [1, 2, 9, 60])
def test_growing_keeps_every_turn_of_the_old_words(old_words, weights):
    old_counts = np.arange(old_words, 0, -1, dtype=np.int64) * 7
    tree = huffman(old_counts)
    before = codes(tree, old_words) if old_words > 1 else [[]]
    counts = np.concatenate([old_counts, np.array(weights, np.int64)])
    larger = grown(tree, counts, np.arange(old_words, len(counts)))
    assert len(larger) == len(counts) - 1
    after = codes(larger, len(counts))
    assert len({tuple(code) for code in after}) == len(counts)
    joint = len(larger) - 1
    for was, now in zip(before, after, strict=False):
        assert [turn for turn in now if turn[0] != joint] == was
    assert all(joint in dict(code) for code in after[old_words:])


def test_a_light_branch_costs_the_frequent_words_nothing():
    old_counts = np.array([1000, 500, 250, 125, 60, 30], np.int64)
    tree = huffman(old_counts)
    larger = grown(tree, np.append(old_counts, [2, 1]), np.array([6, 7]))
    before, after = codes(tree, 6), codes(larger, 8)
    assert [len(now) - len(was) for was, now in zip(before, after, strict=False)] == [0, 0, 0, 0, 0, 1]


def test_nothing_new_changes_nothing():
    tree = huffman(np.array([3, 2, 1], np.int64))
    assert grown(tree, np.array([3, 2, 1], np.int64), np.array([], np.int64)) is tree
