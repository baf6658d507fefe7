"""The vector instructions behind `coded`: rows of float32, of numbers of 16 bits or of bytes, widened in registers.

None of this runs with the JIT off; its proof is that compiled kernels do what the NumPy in `coded` says.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types

from wordfield.kernels.llvm import F32, I32, I64, LANES, SETTINGS, Emitter

I16, F16 = ir.IntType(16), ir.HalfType()
AT_ONCE = 4
"""Sums of a product that grow side by side, so that none waits for the other."""


def _host_widens() -> bool:
    """Whether the processor compiled for turns numbers of 16 bits into float32 by an instruction of its own."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return True
    named = SETTINGS.CPU_FEATURES
    features = binding.get_host_cpu_features().flatten() if named is None else named
    return "+f16c" in features or "+avx512f" in features


WIDENS = _host_widens()


class Rows:
    """Rows of a table of ``dim`` numbers, a number known only when the kernel runs."""

    def __init__(self, emit: Emitter, kind: Any, array: Any, row: Any, dim: Any) -> None:
        base = emit.pointer(kind, array)
        self.emit, self.short = emit, kind.dtype == types.int16
        self.start = emit.builder.gep(base, [emit.builder.mul(row, dim, flags=("nsw",))], inbounds=True)

    def at(self, here: Any, lanes: int) -> Any:
        """Numbers from ``here`` on as float32; they may lie at any byte."""
        builder, kind = self.emit.builder, ir.VectorType(self.start.type.pointee, lanes)
        pointer = builder.bitcast(builder.gep(self.start, [here], inbounds=True), kind.as_pointer())
        raw = builder.load(pointer, align=1)
        return lengthened(builder, raw) if self.short else widened(builder, raw)

    def put(self, value: Any, here: Any) -> None:
        builder = self.emit.builder
        pointer = builder.bitcast(builder.gep(self.start, [here], inbounds=True), value.type.as_pointer())
        builder.store(value, pointer, align=1)


def lengthened(builder: Any, raw: Any) -> Any:
    """A vector of the bits of bfloat16 as float32: the bits that are missing are zeros."""
    lanes = raw.type.count
    bits = builder.zext(raw, ir.VectorType(I32, lanes))
    moved = builder.shl(bits, ir.Constant(bits.type, [16] * lanes))
    return builder.bitcast(moved, ir.VectorType(F32, lanes))


def widened(builder: Any, raw: Any) -> Any:
    """A vector of float32, of the bits of float16 or of signed bytes, as float32."""
    lanes, kind = raw.type.count, raw.type.element
    floats, integers = ir.VectorType(F32, lanes), ir.VectorType(I32, lanes)
    if kind == F32:
        return raw
    if kind != I16:
        return builder.sitofp(builder.sext(raw, integers), floats)
    if WIDENS:
        return builder.fpext(builder.bitcast(raw, ir.VectorType(F16, lanes)), floats)

    def constant(number: int) -> Any:
        return ir.Constant(integers, [number] * lanes)

    bits = builder.zext(raw, integers)
    size, sign = builder.and_(bits, constant(0x7FFF)), builder.and_(bits, constant(0x8000))
    moved = builder.shl(size, constant(13))
    # As the bits of a float32 they are the number divided by 2^112, since the exponent is counted from elsewhere.
    number = builder.fmul(builder.bitcast(moved, floats), ir.Constant(floats, [2.0**112] * lanes))
    endless = builder.bitcast(builder.or_(moved, constant(0x7F800000)), floats)
    number = builder.select(builder.icmp_unsigned(">=", size, constant(0x7C00)), endless, number)
    return builder.bitcast(builder.or_(builder.bitcast(number, integers), builder.shl(sign, constant(16))), floats)


def dot(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    emit, dim = Emitter(context, builder, 0), arguments[3]
    left = Rows(emit, signature.args[0], arguments[0], arguments[1], dim)
    right = Rows(emit, signature.args[2], arguments[2], I64(0), dim)
    sums = [cgutils.alloca_once_value(builder, emit.constant(0.0)) for _ in range(AT_ONCE)]

    def add(here: Any, to: Any) -> None:
        builder.store(emit.call("fmuladd", left.at(here, LANES), right.at(here, LANES), builder.load(to)), to)

    most, whole = (builder.and_(dim, I64(-step)) for step in (AT_ONCE * LANES, LANES))
    with cgutils.for_range_slice(builder, I64(0), most, I64(AT_ONCE * LANES), I64) as (here, _):
        for number, to in enumerate(sums):
            add(builder.add(here, I64(number * LANES)), to)
    with cgutils.for_range_slice(builder, most, whole, I64(LANES), I64) as (here, _):
        add(here, sums[0])
    lanes = builder.load(sums[0])
    for each in sums[1:]:
        lanes = builder.fadd(lanes, builder.load(each))
    total = cgutils.alloca_once_value(builder, emit.total(lanes))
    with cgutils.for_range_slice(builder, whole, dim, I64(1), I64) as (here, _):
        one, other = (builder.extract_element(rows.at(here, 1), I32(0)) for rows in (left, right))
        builder.store(builder.fadd(builder.load(total), builder.fmul(one, other)), total)
    return builder.fpext(builder.load(total), ir.DoubleType())


def widen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    emit, dim = Emitter(context, builder, 0), arguments[3]
    source = Rows(emit, signature.args[0], arguments[0], arguments[1], dim)
    target = Rows(emit, signature.args[4], arguments[4], arguments[1], dim)
    one = builder.fptrunc(arguments[2], F32)
    whole, scale = builder.and_(dim, I64(-LANES)), emit.splat(one)
    with cgutils.for_range_slice(builder, I64(0), whole, I64(LANES), I64) as (here, _):
        target.put(builder.fmul(source.at(here, LANES), scale), here)
    with cgutils.for_range_slice(builder, whole, dim, I64(1), I64) as (here, _):
        value = builder.extract_element(source.at(here, 1), I32(0))
        builder.store(builder.fmul(value, one), builder.gep(target.start, [here], inbounds=True), align=1)
    return context.get_dummy_value()
