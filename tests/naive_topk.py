"""The obvious twins of ``kernels.topk``."""

import numpy as np


def push(scores, scale, rows, exclude, best, best_rows):
    """Everything kept and offered, sorted, the k best kept."""
    for q in range(len(scores)):
        offered = [
            (float(np.float32(s) * np.float32(f)), int(r)) for s, f, r in zip(scores[q], scale, rows, strict=True)
        ]
        offered = [(s, r) for s, r in offered if s == s and r not in exclude[q]]
        kept = [(float(s), int(r)) for s, r in zip(best[q], best_rows[q], strict=True) if r >= 0]
        ordered = sorted(kept + offered, key=lambda pair: (-pair[0], pair[1]))[: best.shape[1]]
        best[q], best_rows[q] = -np.inf, -1
        for here, (score, row) in enumerate(reversed(ordered)):  # worst first is a heap too, after the empty places
            place = best.shape[1] - len(ordered) + here
            best[q, place], best_rows[q, place] = score, row


def products(cosines, scale, positives, epsilon, out):
    shifted = (cosines * scale + 1) / 2
    out[:] = shifted[:, :positives].prod(axis=1) / (shifted[:, positives:] + epsilon).prod(axis=1)


def answer(cosines, asked, rows, exclude, multiplied, epsilon, best, best_rows, first, last):
    for q in range(first, last):
        a, b, c = cosines[asked[q]].astype(np.float32)
        scores = (b + 1) / 2 * ((c + 1) / 2) / ((a + 1) / 2 + np.float32(epsilon)) if multiplied else b - a + c
        for score, row in zip(scores, rows, strict=True):
            if score > best[q] and row not in exclude[q]:
                best[q], best_rows[q] = score, row
