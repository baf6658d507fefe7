"""The decoder as slowly and obviously as it can be said: loops over layers, heads and positions, in float64."""

import numpy as np


def normalised(x, weight, epsilon):
    """One vector divided by its root mean square, times a weight for each number."""
    total = sum(float(number) ** 2 for number in x)
    return x / np.sqrt(total / len(x) + epsilon) * weight


def turned(head, position, base):
    """A head (W,) whose pairs of numbers, half a head apart, are turned by angles that grow with the position."""
    found, half = np.zeros(len(head)), len(head) // 2
    for pair in range(half):
        angle = position * base ** (-2 * pair / len(head))
        found[pair] = head[pair] * np.cos(angle) - head[pair + half] * np.sin(angle)
        found[pair + half] = head[pair + half] * np.cos(angle) + head[pair] * np.sin(angle)
    return found


def softmax(scores):
    shares = np.exp(scores - np.max(scores))
    return shares / shares.sum()


def attention(rows, weights, shape):
    """What each token (T, D) takes from those up to itself."""
    heads, groups, width = shape.heads, shape.groups, shape.width
    projected = [weights["attention.input.weight"] @ row for row in rows]
    found = []
    for now in range(len(rows)):
        parts = []
        for head in range(heads):
            group = head // (heads // groups)
            asked = turned(projected[now][head * width : (head + 1) * width], now, shape.base)
            scores, values = [], []
            for then in range(now + 1):
                key = projected[then][(heads + group) * width : (heads + group + 1) * width]
                scores.append(asked @ turned(key, then, shape.base) / np.sqrt(width))
                values.append(projected[then][(heads + groups + group) * width : (heads + groups + group + 1) * width])
            parts.append(sum(share * value for share, value in zip(softmax(np.array(scores)), values, strict=True)))
        found.append(weights["attention.output.weight"] @ np.concatenate(parts))
    return found


def gated(row, weights, shape):
    """A network of two layers, of which half the first opens and closes the other half."""
    inside = weights["gated.input.weight"] @ row
    gate, value = inside[: shape.inner], inside[shape.inner :]
    return weights["gated.output.weight"] @ (gate / (1 + np.exp(-gate)) * value)


def states(parameters, shape, ids):
    """What each layer makes of one text: layers + 1 arrays (T, D), the last one normalised. ``parameters``: those of
    the decoder by name, as arrays.
    """
    rows = [parameters["table"][token].astype(np.float64) for token in ids]
    found = [np.array(rows)]
    for layer in range(shape.layers):
        begin = f"layers.{layer}."
        weights = {name.removeprefix(begin): array for name, array in parameters.items() if name.startswith(begin)}
        before = [normalised(row, weights["before_attention.weight"], shape.epsilon) for row in rows]
        rows = [row + more for row, more in zip(rows, attention(before, weights, shape), strict=True)]
        before = [normalised(row, weights["before_gated.weight"], shape.epsilon) for row in rows]
        rows = [row + gated(more, weights, shape) for row, more in zip(rows, before, strict=True)]
        found.append(np.array(rows))
    found[-1] = np.array([normalised(row, parameters["norm.weight"], shape.epsilon) for row in rows])
    return found


def logits(parameters, shape, ids):
    """The logits of the token after each of one text (T, V)."""
    table = parameters.get("output", parameters["table"])
    return np.array([table @ row for row in states(parameters, shape, ids)[-1]])


def losses(parameters, shape, ids):
    """The loss, in nats, of each token of one text but the first (T - 1,)."""
    scores = logits(parameters, shape, ids[:-1])
    return np.array([-np.log(softmax(row)[token]) for row, token in zip(scores, ids[1:], strict=True)])
