"""Steps of the networks, each with its gradient written out, because their usual form goes through memory more often
than it must: on processors that, and not arithmetic, takes the time.

N vectors, D dimension, V rows of a table.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

ROWS = 256
"""Vectors that are compared with a table at once: few, so that their products stay in the cache, but enough to keep a
multiplication of matrices busy."""


class Dropout:
    """Numbers set to zero at random, the others made larger for it; drawn from a generator of its own, so that several
    threads draw what they always draw.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self.rate, self.generator = rate, generator

    def mask(self, x: Tensor) -> Tensor:
        """What to multiply ``x`` by."""
        kept = torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator)
        return kept.div_(1 - self.rate)

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` with zeros in it."""
        return x * self.mask(x) if self.rate else x

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """``x``, and ``y`` with zeros in it."""
        return torch.addcmul(x, y.to(x.dtype), self.mask(x)) if self.rate else x + y


class _Norm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, scale = ctx.saved_tensors
        product = gradient * x
        rows, dim = product.view(-1, x.shape[-1]), x.shape[-1]
        along = scale.pow(3).mul_((rows @ weight).view_as(scale)).div_(-dim)
        to_weight = rows.T @ scale.view(-1)
        torch.mul(gradient, weight, out=product)
        return product.mul_(scale).addcmul_(x, along), to_weight, None


class _Rotation(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turned(x, cosine, sine, -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _turned(gradient, cosine, sine, 1), None, None


def _turned(x: Tensor, cosine: Tensor, sine: Tensor, sign: int) -> Tensor:
    found = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    (first, second), (left, right) = x.chunk(2, -1), found.chunk(2, -1)
    torch.mul(first, cosine, out=left).addcmul_(second, sine, value=sign)
    torch.mul(second, cosine, out=right).addcmul_(first, sine, value=-sign)
    return found


class _SwiGLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        gate, value = x.chunk(2, -1)
        return F.silu(gate).mul_(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate, value = x.chunk(2, -1)
        found = torch.empty_like(x)
        to_gate, to_value = found.chunk(2, -1)
        opened = torch.sigmoid(gate)
        silu = gate * opened
        torch.mul(gradient, silu, out=to_value)
        # The slope of the gate: s + x s (1 - s) of the sigmoid s.
        slope = opened.add_(silu).addcmul_(silu, opened.sub(silu), value=-1)
        torch.mul(slope.mul_(value), gradient, out=to_gate)
        return found


class _GeGLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        gate, value = x.chunk(2, -1)
        return F.gelu(gate).mul_(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate, value = x.chunk(2, -1)
        found = torch.empty_like(x)
        to_gate, to_value = found.chunk(2, -1)
        torch.mul(gradient, F.gelu(gate), out=to_value)
        to_gate.copy_(torch.ops.aten.gelu_backward(gradient * value, gate))
        return found


class _Losses(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, targets: Tensor, bias: Tensor | None) -> Tensor:
        low, exact = precision_at_work(x), torch.promote_types(x.dtype, torch.float32)
        near, rows = x.to(low), table.to(low)
        losses = torch.empty(len(x), dtype=exact, device=x.device)
        to_x, to_table = torch.empty_like(near), torch.zeros_like(table)
        to_bias = None if bias is None else torch.zeros_like(bias)
        columns = rows.T.contiguous()  # matrices are multiplied faster so, in both directions
        room = torch.empty(min(ROWS, len(x)), len(table), dtype=low, device=x.device)
        for first in range(0, len(x), ROWS):
            some, asked = near[first : first + ROWS], targets[first : first + ROWS, None]
            products = torch.mm(some, columns, out=room[: len(some)])
            shares = products.to(exact)  # the same tensor where both are of one kind
            shares = shares if bias is None else shares.add_(bias)
            losses[first : first + ROWS] = _softmax(shares, asked)
            shares.scatter_add_(1, asked, shares.new_full(asked.shape, -1.0))
            if to_bias is not None:
                to_bias += shares.sum(0)
            torch.mm(shares.to(low), rows, out=to_x[first : first + ROWS])
            if low == table.dtype:
                to_table.addmm_(shares.T, some)
            else:
                to_table += shares.to(low).T @ some
        ctx.save_for_backward(to_x, to_table, to_bias)
        return losses

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, Tensor | None]:
        to_x, to_table, to_bias = ctx.saved_tensors
        share = gradient[0]
        return to_x * gradient[:, None], to_table * share, None, None if to_bias is None else to_bias * share


def precision_at_work(x: Tensor) -> torch.dtype:
    """What matrices are multiplied in: what autocast says where it is at work."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def _softmax(products: Tensor, asked: Tensor) -> Tensor:
    """Turn products (n, V) into probabilities, in their place; the losses (n,) of the tokens ``asked`` (n, 1)."""
    torch.softmax(products, 1, out=products)
    return products.gather(1, asked)[:, 0].clamp_(min=torch.finfo(products.dtype).tiny).log_().neg_()


def root_mean_square(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Vectors (..., D) divided by their root mean square, times a weight (D,) for each number."""
    if x.is_cuda:
        return F.rms_norm(x, weight.shape, weight, epsilon)
    found: Tensor = _Norm.apply(x, weight, epsilon)
    return found


def rotated(heads: Tensor, waves: Tensor) -> Tensor:
    """Heads (B, T, H, W) turned by the waves (2, T, W / 2) of their positions, cosine and sine: the numbers of a pair
    are half a head apart.
    """
    cosine, sine = waves.to(heads.dtype)[:, None, :, None]
    found: Tensor = _Rotation.apply(heads, cosine, sine)
    return found


def swiglu(x: Tensor) -> Tensor:
    """The second half of (..., 2 D), opened and closed by the first: SiLU of that times this, (..., D)."""
    found: Tensor = _SwiGLU.apply(x)
    return found


def geglu(x: Tensor) -> Tensor:
    """The second half of (..., 2 D), opened and closed by the first: GELU of that times this, (..., D)."""
    found: Tensor = _GeGLU.apply(x)
    return found


def token_losses(x: Tensor, table: Tensor, targets: Tensor, bias: Tensor | None = None) -> Tensor:
    """The loss (N,) in nats of each target (N,): what its row of the table (V, D) makes of the softmax of all products
    with x (N, D), and the ``bias`` (V,) of each. The products are never all there at once. The gradient takes it that
    all losses weigh the same, as in their mean.
    """
    if not len(x):
        return x.sum(1)
    if torch.is_grad_enabled():
        found: Tensor = _Losses.apply(x, table, targets, bias)
        return found
    exact = torch.promote_types(x.dtype, torch.float32)
    some = zip(x.split(ROWS), targets.split(ROWS), strict=True)
    return torch.cat([_softmax(F.linear(each, table, bias).to(exact), asked[:, None]) for each, asked in some])


def waves(count: int, width: int, base: float) -> Tensor:
    """Cosine and sine of so many places, (2, count, width / 2): pairs of numbers, half a head apart, turn together.
    ``base``: the longest wave, over 2 pi.
    """
    rates = base ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(count, dtype=torch.float64), rates)
    return torch.stack([angles.cos(), angles.sin()]).float()
