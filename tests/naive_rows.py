"""Rows of vectors in files the slow and obvious way."""

import re

import numpy as np

NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def records(data, here, width, most):
    """(starts, words, next byte) of the whole rows of a word2vec file."""
    starts, words = [], []
    while len(starts) < most:
        found = re.compile(rb"\n?([^ ]*) ").match(data, here)
        if found is None or found.end() + width > len(data):
            break
        words.append(found[1])
        starts.append(found.end())
        here = found.end() + width
    return starts, words, here


def hashed(word):
    """FNV-1a of 64 bits (Fowler, Noll and Vo)."""
    value = 14695981039346656037
    for letter in word:
        value = ((value ^ letter) * 1099511628211) % (1 << 64)
    return value


def row(data, start, dim):
    return np.frombuffer(data[start : start + 4 * dim], "<f4")


def number(text):
    """The nearest float32 by way of the nearest float64; None for what is no number."""
    if not NUMBER.fullmatch(text):
        return None
    with np.errstate(over="ignore"):
        return np.float64(float(text)).astype(np.float32)


def dense(line, dim):
    """(word, numbers) of a line that is written plainly, else None."""
    word, space, rest = line.partition(b" ")
    if not space:
        word, _, rest = line.partition(b"\t")
    values = [number(field) for field in re.split(rb"[ \t]+", rest.strip(b" \t\r"))]
    return (word, values) if word and len(values) == dim and None not in values else None


def sparse(line):
    """(word, [(column, number)]) of a line that is written plainly, else None."""
    word, space, rest = line.partition(b" ")
    if not space:
        word, _, rest = line.partition(b"\t")
    pairs = [field.partition(b":") for field in re.split(rb"[ \t]+", rest.strip(b" \t\r"))]
    entries = [(column, number(value)) for column, _, value in pairs]
    if not word or not all(column.isdigit() and value is not None for column, value in entries):
        return None
    return word, [(int(column), value) for column, value in entries]
