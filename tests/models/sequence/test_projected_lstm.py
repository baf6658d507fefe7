"""LSTM with projection and bounds: equal to the obvious loop and to PyTorch's own, forwards and backwards."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence.projected_lstm import UNBOUNDED, Bounds, State, Weights, steps  # noqa: E402

T, B, WIDTH, C, P = 7, 3, 5, 6, 4


def drawn(*shape, scale=1.0, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * scale


def made(scale=1.0):
    x, state = drawn(T, B, WIDTH, seed=1), State(drawn(B, P, scale=0.1, seed=2), drawn(B, C, scale=0.2, seed=3))
    weights = Weights(
        drawn(WIDTH + P, 4 * C, scale=scale, seed=4),
        drawn(4 * C, scale=scale, seed=5),
        drawn(C, P, scale=scale, seed=6),
    )
    return x.requires_grad_(), state, Weights(*(each.requires_grad_() for each in weights))


def loop(x, state, weights, bounds):
    """Step by step, as anybody would write it."""
    output, cell = state
    outputs, cells = [], []
    for given in x:
        i, j, f, o = (torch.cat([given, output], 1) @ weights.gates + weights.bias).chunk(4, 1)
        cell = torch.sigmoid(f + 1) * cell + torch.sigmoid(i) * torch.tanh(j)
        cell = cell.clamp(-bounds.cell, bounds.cell) if bounds.cell else cell
        output = (torch.sigmoid(o) * torch.tanh(cell)) @ weights.projection
        output = output.clamp(-bounds.output, bounds.output) if bounds.output else output
        outputs.append(output)
        cells.append(cell)
    return State(torch.stack(outputs), torch.stack(cells))


@pytest.mark.parametrize("bounds", [UNBOUNDED, Bounds(0.3, 0.0), Bounds(0.0, 0.2), Bounds(0.3, 0.2)])
def test_it_is_the_obvious_loop_with_its_gradient(bounds):
    x, state, weights = made()
    expected, found = loop(x, state, weights, bounds), steps(x, state, weights, bounds)
    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, atol=1e-12)
    assert bounds == UNBOUNDED or bool((expected.cell.abs() == 0.3).any() or (expected.output.abs() == 0.2).any())
    share, parameters = drawn(T, B, P, seed=7), [x, *weights]
    for one, other in zip(
        torch.autograd.grad((expected.output * share).sum(), parameters),
        torch.autograd.grad((found.output * share).sum(), parameters),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-11)


def test_the_gradient_is_that_of_finite_differences():
    x, state, weights = made(0.5)
    assert torch.autograd.gradcheck(lambda *given: steps(given[0], state, Weights(*given[1:])).output, (x, *weights))


def test_it_is_the_layer_of_pytorch():
    x, _, weights = made(0.5)
    theirs = torch.nn.LSTM(WIDTH, C, proj_size=P, dtype=torch.float64)
    i, j, f, o = weights.gates.T.split(C)
    in_order, into_i, into_j = torch.cat([i, f, j, o]), *weights.bias.split(C)[:2]
    into_f, into_o = weights.bias.split(C)[2:]
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(in_order[:, :WIDTH])
        theirs.weight_hh_l0.copy_(in_order[:, WIDTH:])
        theirs.weight_hr_l0.copy_(weights.projection.T)
        theirs.bias_ih_l0.copy_(torch.cat([into_i, into_f + 1, into_j, into_o]))
        theirs.bias_hh_l0.zero_()
        nothing = State(torch.zeros(B, P, dtype=torch.float64), torch.zeros(B, C, dtype=torch.float64))
        expected = theirs(x)[0]
    assert torch.allclose(steps(x, nothing, weights).output, expected, atol=1e-12)


def test_a_text_in_parts_is_the_text_as_a_whole():
    x, state, weights = made()
    with torch.no_grad():
        whole = steps(x, state, weights, Bounds(3, 3))
        first = steps(x[:4], state, weights, Bounds(3, 3))
        second = steps(x[4:], State(first.output[-1], first.cell[-1]), weights, Bounds(3, 3))
    assert torch.allclose(whole.output, torch.cat([first.output, second.output]), atol=1e-12)


def test_learning_and_reading_give_the_same():
    x, state, weights = made()
    with torch.no_grad():
        alone = steps(x, state, weights, Bounds(0.3, 0.2))
    assert torch.equal(alone.output, steps(x, state, weights, Bounds(0.3, 0.2)).output)


def test_bfloat16_multiplies_and_float32_adds():
    x, *both = made(0.3)
    x, state, weights = x.float(), *(type(each)(*(one.float() for one in each)) for each in both)
    exact = steps(x, state, weights, Bounds(3, 3)).output
    with torch.autocast("cpu", torch.bfloat16):
        near = steps(x, state, weights, Bounds(3, 3)).output
    assert near.dtype == torch.float32
    assert 0 < (near - exact).abs().max() < 0.05
