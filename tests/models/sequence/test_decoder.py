"""The decoder: equal to its slow twin, deaf to what comes later, and one table where both are one."""

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

import naive_decoder  # noqa: E402
from wordfield.models.sequence.decoder import SPREAD, Decoder, Shape  # noqa: E402
from wordfield.models.sequence.operations import Dropout  # noqa: E402

SHAPE = Shape(vocabulary=11, dim=8, layers=2, heads=2, groups=2, width=4, inner=6, context=7)
SHAPES = {
    "tied": SHAPE,
    "untied": replace(SHAPE, tied=False),
    "grouped": replace(SHAPE, heads=4, groups=2, width=4, base=5e5, epsilon=1e-3),
    "one group": replace(SHAPE, heads=3, groups=1, width=2, layers=3),
}
IDS = [3, 0, 10, 3, 7, 1, 9]


def made(shape, seed=1, dtype=torch.float64):
    """A decoder whose weights are all large enough to matter, norms too."""
    decoder, generator = Decoder(shape), torch.Generator().manual_seed(seed)
    decoder.begin(generator)
    with torch.no_grad():
        for _, weight in decoder.named_parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.4, generator=generator)
    return decoder.to(dtype)


def arrays(decoder):
    return {name: weight.detach().double().numpy() for name, weight in decoder.named_parameters()}


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_equals_its_slow_twin(shape, dtype):
    decoder = made(shape, dtype=dtype)
    ids, parameters = torch.tensor([IDS]), arrays(decoder)
    with torch.no_grad():
        states, logits, losses = decoder.states(ids), decoder(ids), decoder.losses(ids)
    expected = naive_decoder.states(parameters, shape, IDS)
    assert len(states) == len(expected) == shape.layers + 1
    for one, other in zip(states, expected, strict=True):
        np.testing.assert_allclose(one[0], other, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits[0], naive_decoder.logits(parameters, shape, IDS), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(losses[0], naive_decoder.losses(parameters, shape, IDS), rtol=1e-5, atol=1e-5)


def test_losses_with_gradient_are_those_without(shape):
    decoder, ids = made(shape), torch.tensor([IDS, IDS[::-1]])
    with torch.no_grad():
        expected = decoder.losses(ids)
    assert expected.shape == (2, len(IDS) - 1)
    torch.testing.assert_close(decoder.losses(ids).detach(), expected)


def test_later_tokens_change_no_earlier_state(shape):
    decoder = made(shape)
    ids = torch.tensor([IDS])
    for place in range(len(IDS)):
        other = ids.clone()
        other[0, place:] = (other[0, place:] + 4) % shape.vocabulary
        with torch.no_grad():
            for one, another in zip(decoder.states(ids), decoder.states(other), strict=True):
                assert torch.equal(one[:, :place], another[:, :place])
                assert not torch.equal(one[:, place], another[:, place])


def test_the_order_of_earlier_tokens_matters():
    decoder = made(SHAPE)
    with torch.no_grad():
        one, other = decoder(torch.tensor([[1, 2, 3]])), decoder(torch.tensor([[2, 1, 3]]))
    assert not torch.allclose(one[0, 2], other[0, 2])


def test_texts_of_a_batch_do_not_see_each_other(shape):
    decoder = made(shape)
    both = torch.tensor([IDS, IDS[::-1]])
    with torch.no_grad():
        together = decoder(both)
        for number, ids in enumerate(both):
            torch.testing.assert_close(together[number], decoder(ids[None])[0])


def test_tied_tables_are_one_tensor():
    tied, untied = Decoder(SHAPE), Decoder(replace(SHAPE, tied=False))
    size = SHAPE.vocabulary * SHAPE.dim
    counts = [sum(weight.numel() for weight in decoder.parameters()) for decoder in (tied, untied)]
    assert tied.tied
    assert not untied.tied
    assert counts[1] - counts[0] == size
    assert tied.output is None
    assert untied.output.data_ptr() != untied.table.data_ptr()
    with_table_rows = [weight for weight in tied.parameters() if len(weight) == SHAPE.vocabulary]
    assert [weight.data_ptr() for weight in with_table_rows] == [tied.table.data_ptr()]


def test_a_change_of_the_tied_table_is_seen_at_both_ends():
    decoder = made(SHAPE)
    ids = torch.tensor([IDS])
    with torch.no_grad():
        before = decoder(ids)
        decoder.table[5] += 1  # a token that is not in the text: only the output can notice
        after = decoder(ids)
    changed = (before != after).any(1)[0]
    assert changed.nonzero().flatten().tolist() == [5]


def test_the_gradient_of_the_tied_table_is_that_of_differences():
    """Through the whole network, in float64, for every number of the table."""
    decoder, ids = made(replace(SHAPE, dim=4, width=2, vocabulary=6, inner=4)), torch.tensor([[3, 0, 5, 3, 1]])
    found = torch.autograd.grad(decoder.losses(ids).sum(), decoder.table)[0]
    step = 1e-6
    with torch.no_grad():
        for row in range(6):
            for place in range(4):
                sides = []
                for sign in (1, -1):
                    decoder.table[row, place] += sign * step
                    sides.append(decoder.losses(ids).sum().item())
                    decoder.table[row, place] -= sign * step
                assert found[row, place].item() == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_the_gradients_of_both_ends_add_up(rate):
    decoder, ids = made(SHAPE), torch.tensor([IDS])

    def losses():
        return decoder.losses(ids, Dropout(rate, torch.Generator().manual_seed(4))).sum()

    tied = losses()
    together = torch.autograd.grad(tied, decoder.table)[0]
    output = decoder.untie()
    assert output.data_ptr() != decoder.table.data_ptr()
    untied = losses()
    ends = torch.autograd.grad(untied, [decoder.table, output])
    assert untied.item() == pytest.approx(tied.item(), abs=1e-12)
    torch.testing.assert_close(together, ends[0] + ends[1])
    assert all(end.abs().sum() > 0 for end in ends)


def test_untying_keeps_the_function_and_the_order_of_parameters():
    decoder = made(SHAPE)
    ids = torch.tensor([IDS])
    before = decoder(ids)
    decoder.untie()
    assert not decoder.tied
    assert torch.equal(decoder(ids), before)
    names = [name for name, _ in decoder.named_parameters()]
    assert names == [name for name, _ in Decoder(replace(SHAPE, tied=False)).named_parameters()]
    assert names[:2] == ["table", "output"]


def test_dropout_is_at_work_in_training_alone():
    decoder, ids = made(SHAPE), torch.tensor([IDS])

    def losses(seed):
        return decoder.losses(ids, Dropout(0.5, torch.Generator().manual_seed(seed)))

    assert torch.equal(losses(1), losses(1))
    assert not torch.equal(losses(1), losses(2))
    assert not torch.equal(losses(1), decoder.losses(ids))


def test_every_parameter_has_a_gradient(shape):
    decoder = made(shape)
    decoder.losses(torch.tensor([IDS])).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in decoder.parameters())


def test_the_beginning_is_drawn_by_its_generator():
    wide = replace(SHAPE, dim=64, width=32, inner=96, layers=8, vocabulary=200)
    one, other, third = Decoder(wide), Decoder(wide), Decoder(wide)
    for decoder, seed in ((one, 1), (other, 1), (third, 2)):
        decoder.begin(torch.Generator().manual_seed(seed))
    weights = dict(one.named_parameters())
    assert all(torch.equal(weights[name], weight) for name, weight in other.named_parameters())
    assert not torch.equal(one.table, third.table)
    assert all(torch.equal(weight, torch.ones(64)) for name, weight in weights.items() if weight.dim() == 1)
    assert one.table.std().item() == pytest.approx(SPREAD, rel=0.05)
    assert weights["layers.0.gated.input.weight"].std().item() == pytest.approx(SPREAD, rel=0.05)
    for name in ("attention.output.weight", "gated.output.weight"):
        assert weights[f"layers.3.{name}"].std().item() == pytest.approx(SPREAD / 4, rel=0.1)


def test_at_the_beginning_all_tokens_are_about_as_probable():
    wide = replace(SHAPE, dim=64, width=32, inner=96, vocabulary=200)
    decoder = Decoder(wide)
    decoder.begin(torch.Generator().manual_seed(1))
    with torch.no_grad():
        loss = decoder.losses(torch.arange(14).view(2, 7) * 9).mean().item()
    assert loss == pytest.approx(math.log(200), abs=0.3)
