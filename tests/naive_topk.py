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
