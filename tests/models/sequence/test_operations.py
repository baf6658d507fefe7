"""The steps of the networks: each with the values of PyTorch's plain form, and with the gradient that differences
have.
"""

import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from torch.autograd import gradcheck  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from wordfield.models.sequence import operations  # noqa: E402
from wordfield.models.sequence.operations import (  # noqa: E402
    Dropout,
    root_mean_square,
    rotated,
    swiglu,
    token_losses,
)


def drawn(*shape, dtype=torch.float64, seed=0, grad=True):
    made = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return made.requires_grad_(grad)


def waves(length, half, dtype=torch.float64):
    angles = drawn(length, half, dtype=dtype, seed=9, grad=False)
    return torch.stack([angles.cos(), angles.sin()])


def plainly_rotated(x, waves):
    cosine, sine = (torch.cat([each, each], -1)[:, None, :] for each in waves)
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


def plain_losses(x, table, targets):
    return F.cross_entropy(x @ table.T, targets, reduction="none")


@pytest.fixture
def targets():
    return torch.tensor([0, 3, 6, 3, 1])


@pytest.fixture(params=[1, 2, 5, 256])
def rows(request, monkeypatch):
    """How many vectors are compared at once: one, some and a rest, all, and more than there are."""
    monkeypatch.setattr(operations, "ROWS", request.param)
    return request.param


def test_the_norm_has_the_gradient_of_differences():
    assert gradcheck(lambda x, weight: root_mean_square(x, weight, 1e-6), (drawn(2, 3, 4), drawn(4, seed=1)))
    assert gradcheck(lambda x, weight: root_mean_square(x, weight, 0.5), (drawn(4), drawn(4, seed=1)))


def test_the_norm_is_that_of_pytorch():
    x, weight = drawn(2, 3, 8), drawn(8, seed=1)
    torch.testing.assert_close(root_mean_square(x, weight, 1e-5), F.rms_norm(x, (8,), weight, 1e-5))
    nothing = torch.zeros(1, 8, dtype=torch.float64)
    assert torch.equal(root_mean_square(nothing, weight, 1e-6), nothing)


def test_the_norm_leaves_its_input_as_it_was():
    x = drawn(2, 8)
    before = x.detach().clone()
    root_mean_square(x, drawn(8, seed=1), 1e-6).sum().backward()
    assert torch.equal(x.detach(), before)


def test_rotation_has_the_gradient_of_differences():
    assert gradcheck(lambda x: rotated(x, waves(3, 2)), (drawn(2, 3, 2, 4),))


def test_rotation_is_that_of_pytorch_and_keeps_lengths():
    x, turning = drawn(2, 5, 3, 8), waves(5, 4)
    found = rotated(x, turning)
    torch.testing.assert_close(found, plainly_rotated(x, turning))
    torch.testing.assert_close(found.norm(dim=-1), x.norm(dim=-1))


def test_rotation_of_a_part_of_a_larger_tensor():
    """Queries and keys are turned where they lie, between values that are not."""
    whole = drawn(2, 5, 4, 8)
    torch.testing.assert_close(rotated(whole[:, :, 1:3], waves(5, 4)), plainly_rotated(whole[:, :, 1:3], waves(5, 4)))


def test_swiglu_has_the_gradient_of_differences():
    assert gradcheck(swiglu, (drawn(2, 3, 8),))


def test_swiglu_is_that_of_pytorch():
    x = drawn(2, 3, 8)
    gate, value = x.chunk(2, -1)
    torch.testing.assert_close(swiglu(x), F.silu(gate) * value)
    far = torch.tensor([[-1e4, 1e4, 2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    swiglu(far).sum().backward()
    assert far.grad.isfinite().all()


def test_losses_have_the_gradient_of_differences(rows, targets):
    """All losses weigh the same, as the docstring asks."""
    x, table = drawn(5, 4), drawn(7, 4, seed=1)
    assert gradcheck(lambda x, table: token_losses(x, table, targets).sum(), (x, table))
    assert gradcheck(lambda x, table: token_losses(x, table, targets).mean() * 3, (x, table))


def test_losses_are_those_of_pytorch(rows, targets):
    x, table = drawn(5, 4), drawn(7, 4, seed=1)
    torch.testing.assert_close(token_losses(x, table, targets), plain_losses(x, table, targets))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_losses_are_the_same_where_no_gradient_is_asked_for(rows, targets, dtype):
    x, table = drawn(5, 4, dtype=dtype), drawn(7, 4, dtype=dtype, seed=1)
    with torch.no_grad():
        without = token_losses(x, table, targets)
    assert without.dtype == dtype
    torch.testing.assert_close(token_losses(x, table, targets).detach(), without)


def test_a_certain_token_has_no_loss_and_an_impossible_one_a_finite_one():
    x = torch.tensor([[200.0], [200.0]], requires_grad=True)
    table = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    found = token_losses(x, table, torch.tensor([0, 1]))
    found.sum().backward()
    assert found[0] == 0
    assert found[1] > 80
    assert x.grad.isfinite().all()
    assert table.grad.isfinite().all()


def test_losses_under_autocast_are_right_within_its_precision(rows, targets):
    x, table = drawn(5, 16, dtype=torch.float32), drawn(7, 16, dtype=torch.float32, seed=1)
    exact = plain_losses(x, table, targets)
    exact.sum().backward()
    expected = x.grad.clone(), table.grad.clone()
    x.grad = table.grad = None
    with torch.autocast("cpu", torch.bfloat16):
        found = token_losses(x, table, targets)
    assert found.dtype == torch.float32
    found.sum().backward()
    torch.testing.assert_close(found, exact, rtol=0.02, atol=0.05)
    assert (found != exact).any(), "bfloat16 was not at work"
    for gradient, true in zip((x.grad, table.grad), expected, strict=True):
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, true, rtol=0.05, atol=0.05)


def test_dropout_keeps_a_share_and_the_expectation():
    dropout = Dropout(0.25, torch.Generator().manual_seed(3))
    x = torch.full((200, 200), 2.0)
    found = dropout(x)
    assert found.unique().tolist() == [0.0, pytest.approx(2 / 0.75)]
    assert float((found != 0).float().mean()) == pytest.approx(0.75, abs=0.01)
    assert float(found.mean()) == pytest.approx(2, abs=0.03)
    added = dropout.add(torch.ones(200, 200), x)
    assert added.unique().tolist() == [1.0, pytest.approx(1 + 2 / 0.75)]
    assert float(added.mean()) == pytest.approx(3, abs=0.03)


def test_dropout_follows_its_generator_alone():
    def once(seed):
        dropout = Dropout(0.5, torch.Generator().manual_seed(seed))
        return dropout(torch.ones(50)), dropout.add(torch.zeros(50), torch.ones(50))

    torch.manual_seed(1)
    first, again = once(7), once(7)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], first[1]), "each use draws anew"
    assert not torch.equal(first[0], once(8)[0])


def test_no_dropout_changes_nothing():
    dropout = Dropout(0.0, torch.Generator())
    x, y = drawn(3, 4), drawn(3, 4, seed=1)
    assert dropout(x) is x
    assert torch.equal(dropout.add(x, y), x + y)


def test_the_gradient_of_dropout_has_its_zeros():
    x, y = drawn(40, grad=False), drawn(40, seed=1)
    found = Dropout(0.5, torch.Generator().manual_seed(2)).add(x, y)
    found.sum().backward()
    assert torch.equal(y.grad != 0, found.detach() != x)
    assert set(y.grad.unique().tolist()) == {0.0, 2.0}
