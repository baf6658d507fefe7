"""A layer of LSTM whose output is projected to fewer numbers, and whose numbers may be kept within bounds (Sak, Senior
and Beaufays 2014, arXiv 1402.1128; the bounds as in the LSTMCell of TensorFlow, which ELMo was trained with).

With bounds no fused layer of PyTorch has it, so networks that were trained with them have been run step by step, and
each step's gradient of the weights added to the last. Here only what depends on the step before is done step by step:
of the gradient one number is kept for each gate and step, and the weights' gradients are three multiplications of
matrices for all steps at once.

T steps, B texts, I numbers in, C numbers in a cell, P numbers out. The gates stand in TensorFlow's order: what goes in
(i), what it is (j), what stays (f), what comes out (o); 1 is added to f.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from wordfield.models.sequence.operations import precision_at_work


class State(NamedTuple):
    """What is handed on to the next step."""

    output: Tensor
    """(..., P)."""
    cell: Tensor
    """(..., C)."""


class Weights(NamedTuple):
    """The parameters of a layer."""

    gates: Tensor
    """Of what goes in, and of the output of the step before: (I + P, 4 C)."""
    bias: Tensor
    """(4 C,)."""
    projection: Tensor
    """(C, P)."""


class Bounds(NamedTuple):
    """How large numbers may become, either way; 0: any."""

    cell: float = 0.0
    output: float = 0.0


UNBOUNDED = Bounds()


def steps(x: Tensor, state: State, weights: Weights, bounds: Bounds = UNBOUNDED) -> State:
    """Outputs and cells after each step, (T, B, P) and (T, B, C), of a layer that reads x (T, B, I). The gradient is
    that of the outputs; what is done with the cells, and the state at the beginning, are taken as constants.
    """
    if torch.is_grad_enabled():
        return State(*_Steps.apply(x, *state, *weights, bounds))
    outputs, cells, _ = _forward(x, state, weights, bounds)
    return State(outputs, cells)


def _forward(x: Tensor, state: State, weights: Weights, bounds: Bounds) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, cells, and the four gates (T, B, 4 C) of each step."""
    (length, texts, width), low = x.shape, precision_at_work(x)
    size, dim = weights.projection.shape
    bias = weights.bias.clone()
    bias[2 * size : 3 * size] += 1
    inner, outer = weights.gates[:width].to(low), weights.gates[width:].to(low)
    projection = weights.projection.to(low)
    gates = torch.empty(length, texts, 4 * size, dtype=x.dtype, device=x.device)
    torch.add(x.reshape(-1, width).to(low) @ inner, bias, out=gates.view(-1, 4 * size))
    outputs = torch.empty(length, texts, dim, dtype=x.dtype, device=x.device)
    cells = torch.empty(length, texts, size, dtype=x.dtype, device=x.device)
    room = torch.empty(texts, size, dtype=x.dtype, device=x.device)
    output, cell = state
    for step in range(length):
        here, now = gates[step], cells[step]
        if low == x.dtype:
            here.addmm_(output, outer)
        else:
            here += output.to(low) @ outer
        into, new, out = here[:, :size], here[:, size : 2 * size], here[:, 3 * size :]
        into.sigmoid_()
        new.tanh_()
        here[:, 2 * size :].sigmoid_()
        torch.mul(here[:, 2 * size : 3 * size], cell, out=now).addcmul_(into, new)
        if bounds.cell:
            now.clamp_(-bounds.cell, bounds.cell)
        torch.tanh(now, out=room).mul_(out)
        if low == x.dtype:
            torch.mm(room, projection, out=outputs[step])
        else:
            outputs[step] = room.to(low) @ projection
        if bounds.output:
            outputs[step].clamp_(-bounds.output, bounds.output)
        output, cell = outputs[step], now
    return outputs, cells, gates


class _Steps(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        output: Tensor,
        cell: Tensor,
        gates: Tensor,
        bias: Tensor,
        projection: Tensor,
        bounds: Bounds,
    ) -> tuple[Tensor, Tensor]:
        outputs, cells, opened = _forward(x, State(output, cell), Weights(gates, bias, projection), bounds)
        ctx.save_for_backward(x, output, cell, gates, projection, outputs, cells, opened)
        ctx.bounds, ctx.low = bounds, precision_at_work(x)
        ctx.mark_non_differentiable(cells)
        return outputs, cells

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        x, output, cell, weights, projection, outputs, cells, opened = ctx.saved_tensors
        bounds, low = ctx.bounds, ctx.low
        (length, texts, width), (size, dim) = x.shape, projection.shape
        into, new, stays, out = opened.split(size, -1)
        before = torch.cat([cell[None], cells[:-1]])
        shown = torch.tanh(cells)
        # What the slope of each gate is to be multiplied by: that of the cell, of the output gate that of the output.
        slopes = torch.empty_like(opened)
        to_into, to_new, to_stays, to_out = slopes.split(size, -1)
        torch.mul(into, 1 - into, out=to_into).mul_(new)
        torch.mul(new, new, out=to_new).neg_().add_(1).mul_(into)
        torch.mul(stays, 1 - stays, out=to_stays).mul_(before)
        torch.mul(out, 1 - out, out=to_out).mul_(shown)
        to_cell = shown.square().neg_().add_(1).mul_(out)
        inside = cells.abs() < bounds.cell if bounds.cell else None
        to_output = gradient.clone()
        within = outputs.abs() < bounds.output if bounds.output else None
        back, wide = projection.T.to(low).contiguous(), weights[width:].T.to(low).contiguous()
        cell_slope = torch.zeros_like(cell)
        for step in reversed(range(length)):
            here = to_output[step]
            if within is not None:
                here *= within[step]
            hidden = (here.to(low) @ back).to(x.dtype)
            cell_slope.addcmul_(hidden, to_cell[step])
            if inside is not None:
                cell_slope *= inside[step]
            slopes[step].view(texts, 4, size)[:, :3].mul_(cell_slope[:, None])
            slopes[step, :, 3 * size :].mul_(hidden)
            if step:
                if low == x.dtype:
                    to_output[step - 1].addmm_(slopes[step], wide)
                else:
                    to_output[step - 1] += slopes[step].to(low) @ wide
                cell_slope *= stays[step]
        flat = slopes.view(-1, 4 * size)
        near = flat.to(low)
        earlier = torch.cat([output[None], outputs[:-1]]).view(-1, dim)
        to_weights = torch.empty_like(weights)
        to_weights[:width] = x.reshape(-1, width).to(low).T @ near
        to_weights[width:] = earlier.to(low).T @ near
        to_projection = shown.mul_(out).view(-1, size).to(low).T @ to_output.view(-1, dim).to(low)
        to_x = (near @ weights[:width].T.to(low)).to(x.dtype).view_as(x)
        return to_x, None, None, to_weights, flat.sum(0), to_projection.to(x.dtype), None
