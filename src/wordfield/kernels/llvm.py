"""The vector instructions behind `simd`: what LLVM is told while Numba compiles a kernel.

None of this runs with the JIT off; its proof is that compiled kernels do what the NumPy in `simd` says.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core import config as numba_config
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
CACHE_LINE = 64
SETTINGS: Any = numba_config


def _host_lanes() -> int:
    """Lanes of float32 in the widest vector of the processor compiled for: 16 AVX-512, 8 AVX, 4 NEON or SSE."""
    named = SETTINGS.CPU_FEATURES
    features = binding.get_host_cpu_features().flatten() if named is None else named
    if "+avx512f" in features:
        return 16
    return 8 if "+avx2" in features and "+fma" in features else 4


LANES = _host_lanes()


def padded(dim: int) -> int:
    """Numbers a row of ``dim`` takes: whole vectors."""
    return -(-dim // LANES) * LANES


def pitch(targets: int) -> int:
    """Floats from one row of a tile's scores to the next: the power of two that holds ``targets``."""
    return 1 << (targets - 1).bit_length()


def spare(targets: int) -> int:
    """Floats that the last vectors of a tile's scores or slopes may reach past the last row."""
    return pitch(targets) + 2 * LANES


def _widest(kind: types.Type) -> types.Type:
    """The one type in which numbers of ``kind`` reach the instructions; arrays and compile-time constants stay as they
    are.
    """
    if isinstance(kind, types.Float):
        return types.float64
    return types.int64 if isinstance(kind, types.Integer) and not isinstance(kind, types.Literal) else kind


def lowered(result: types.Type, emit: Callable[..., Any]) -> Callable[[F], F]:
    """Let the instructions that ``emit`` writes stand for the NumPy function it decorates, unless the JIT is off."""

    def decorate(function: F) -> F:
        if SETTINGS.DISABLE_JIT:
            return function

        def typing(_: Any, *arguments: types.Type) -> tuple[Any, Callable[..., Any]]:
            return result(*(_widest(kind) for kind in arguments)), emit

        own = inspect.signature(function).parameters.values()
        context = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        typing.__signature__ = inspect.Signature([context, *own])  # type: ignore[attr-defined]
        typing.__name__ = function.__name__
        return cast(F, intrinsic(prefer_literal=True)(typing))

    return decorate


class Emitter:
    """Writes vector instructions into the function that Numba is compiling."""

    def __init__(self, context: Any, builder: Any, dim: int) -> None:
        self.context, self.builder, self.dim = context, builder, dim
        self.vector = ir.VectorType(F32, LANES)

    def pointer(self, array_type: Any, array: Any) -> Any:
        return self.context.make_array(array_type)(self.context, self.builder, array).data

    def row(self, base: Any, row: Any) -> Any:
        """Where row number ``row`` of the table at ``base`` starts."""
        return self.builder.gep(base, [self.builder.mul(row, I64(self.dim), flags=("nsw",))], inbounds=True)

    def item(self, base: Any, here: Any) -> Any:
        return self.builder.load(self.builder.gep(base, [here], inbounds=True))

    def load(self, base: Any, here: Any, lanes: int = LANES) -> Any:
        at = self.builder.gep(base, [here], inbounds=True)
        return self.builder.load(self.builder.bitcast(at, ir.VectorType(F32, lanes).as_pointer()), align=4)

    def offsets(self, at: Any, step: int) -> list[Any]:
        """Where the vectors of a row of ``step`` floats at ``at`` begin."""
        return [self.builder.add(at, I64(offset)) for offset in range(0, step, LANES)]

    def repeated(self, base: Any, here: Any, step: int) -> Any:
        """One vector of ``step`` floats, as often as it fits."""
        if step >= LANES:
            return self.load(base, here)
        few = self.load(base, here, step)
        return self.builder.shuffle_vector(
            few, few, ir.Constant(ir.VectorType(I32, LANES), [lane % step for lane in range(LANES)])
        )

    def store(self, value: Any, base: Any, here: Any) -> None:
        at = self.builder.gep(base, [here], inbounds=True)
        self.builder.store(value, self.builder.bitcast(at, value.type.as_pointer()), align=4)

    def constant(self, number: float, lanes: int = LANES) -> Any:
        return ir.Constant(ir.VectorType(F32, lanes), [number] * lanes)

    def splat(self, scalar: Any) -> Any:
        single = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), scalar, I32(0))
        return self.builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        name = f"llvm.fma.v{x.type.count}f32"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(x.type, [x.type] * 3), name)
        return self.builder.call(function, [x, y, z])

    def call(self, name: str, *arguments: Any) -> Any:
        """Call the LLVM intrinsic ``name`` on vectors of one type."""
        kind = arguments[0].type
        function_type = ir.FunctionType(kind, [kind] * len(arguments))
        function = cgutils.get_or_insert_function(self.builder.module, function_type, f"llvm.{name}.v{kind.count}f32")
        return self.builder.call(function, arguments)

    def total(self, value: Any) -> Any:
        """The sum over lanes."""
        kind = ir.FunctionType(F32, [F32, value.type])
        name = f"llvm.vector.reduce.fadd.v{value.type.count}f32"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [ir.Constant(F32, 0.0), value], fastmath=("reassoc",))

    def fold(self, vectors: list[Any]) -> Any:
        """Sum each of up to LANES vectors over its lanes; the sums stand in order in one vector. ``None`` leaves a lane
        zero.

        A transposing tree: two vectors that hold ``c`` sums each, in segments of lanes, become one that holds ``2c`` in
        half as long segments, for two shuffles and one addition, instead of a full reduction a vector.
        """
        packs, segment = vectors, LANES
        while len(packs) > 1:
            packs = [*packs, *[None] * (len(packs) % 2)]
            packs = [self._halve(x, y, segment) for x, y in zip(packs[::2], packs[1::2], strict=True)]
            segment //= 2
        result = packs[0]
        while segment > 1:
            result = self._halve(result, None, segment)
            segment //= 2
        return self.constant(0.0) if result is None else result

    def _halve(self, x: Any, y: Any, segment: int) -> Any:
        """Add the two halves of each segment of lanes, of ``x`` and then of ``y``."""
        if x is None:
            return None
        half = segment // 2
        low = [start + lane for start in range(0, 2 * LANES, segment) for lane in range(half)]
        mask = ir.VectorType(I32, LANES)
        other = self.constant(0.0) if y is None else y
        near = self.builder.shuffle_vector(x, other, ir.Constant(mask, low))
        far = self.builder.shuffle_vector(x, other, ir.Constant(mask, [lane + half for lane in low]))
        return self.builder.fadd(near, far, flags=("reassoc", "contract", "nsz"))


def scores(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    size, dim = kinds[6].literal_value, kinds[7].literal_value
    emit = Emitter(context, builder, dim)
    left, inputs, right, targets, scores = (emit.pointer(kinds[a], arguments[a]) for a in (0, 1, 3, 4, 8))
    count, step = arguments[2], pitch(size)
    together = min(max(1, LANES // step), getattr(kinds[2], "literal_value", LANES))
    rights = [emit.row(right, emit.item(targets, builder.add(arguments[5], I64(j)))) for j in range(size)]
    last = builder.sub(count, I64(1))
    with cgutils.for_range_slice(builder, I64(0), count, I64(together), I64) as (first, _):
        lefts = []
        for t in range(together):
            here = builder.add(first, I64(t))
            here = builder.select(builder.icmp_signed("<", here, last), here, last)
            lefts.append(emit.row(left, emit.item(inputs, here)))
        sums = [[emit.constant(0.0)] * size for _ in range(together)]
        for k in range(0, dim, LANES):
            ours = [emit.load(row, I64(k)) for row in lefts]
            for j in range(size):
                theirs = emit.load(rights[j], I64(k))
                for t in range(together):
                    sums[t][j] = emit.fma(ours[t], theirs, sums[t][j])
        pads = [None] * (step - size)
        lanes = [lane for t in range(together) for lane in (*sums[t], *pads)]
        for block in range(0, len(lanes), LANES):
            at = builder.add(builder.mul(first, I64(step)), I64(block))
            emit.store(emit.fold(lanes[block : block + LANES]), scores, at)
    return context.get_dummy_value()


def update(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    size, dim = kinds[7].literal_value, kinds[8].literal_value
    emit = Emitter(context, builder, dim)
    left, inputs, old, right, targets, slopes = (emit.pointer(kinds[a], arguments[a]) for a in (0, 1, 2, 4, 5, 9))
    count, step = arguments[3], pitch(size)
    inside = builder.icmp_unsigned("==", builder.ptrtoint(left, I64), builder.ptrtoint(old, I64))
    rights = [emit.row(right, emit.item(targets, builder.add(arguments[6], I64(j)))) for j in range(size)]
    # As many vectors of a row at once as the registers hold: a target takes two each (before, and the sum so far).
    wide = max(1, min((28 if LANES == 16 else 12) // (2 * size + 2), dim // LANES))
    for k in range(0, dim, wide * LANES):
        columns = range(k, min(k + wide * LANES, dim), LANES)
        before = [[emit.load(row, I64(c)) for c in columns] for row in rights]
        sums = [[cgutils.alloca_once_value(builder, vector) for vector in vectors] for vectors in before]
        with cgutils.for_range(builder, count, intp=I64) as loop:
            row = emit.row(left, emit.item(inputs, loop.index))
            source = builder.select(inside, row, emit.row(old, loop.index))
            was = [emit.load(source, I64(c)) for c in columns]
            now = [emit.load(row, I64(c)) for c in columns]
            at = builder.add(arguments[10], builder.mul(loop.index, I64(step)))
            for j in range(size):
                slope = emit.splat(emit.item(slopes, builder.add(at, I64(j))))
                for c in range(len(columns)):
                    builder.store(emit.fma(slope, was[c], builder.load(sums[j][c])), sums[j][c])
                    now[c] = emit.fma(slope, before[j][c], now[c])
            for value, c in zip(now, columns, strict=True):
                emit.store(value, row, I64(c))
        for j in range(size):
            for s, c in zip(sums[j], columns, strict=True):
                emit.store(builder.load(s), rights[j], I64(c))
    return context.get_dummy_value()


def logistic(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    step = pitch(kinds[6].literal_value)
    emit = Emitter(context, builder, 0)
    scores, labels, weights, slopes = (emit.pointer(kinds[a], arguments[a]) for a in (0, 2, 3, 7))
    at, start = arguments[4], arguments[8]
    end = builder.mul(arguments[1], I64(step))
    rate = emit.splat(context.cast(builder, arguments[5], kinds[5], types.float32))
    loss = cgutils.alloca_once_value(builder, emit.constant(0.0))
    ramp = ir.Constant(ir.VectorType(I64, LANES), list(range(LANES)))
    stretch = max(
        step, LANES
    )  # rows of fewer than LANES targets go several to a vector, wider rows over several vectors
    pattern = [
        (emit.repeated(labels, here, step), emit.repeated(weights, here, step)) for here in emit.offsets(at, step)
    ]
    with cgutils.for_range_slice(builder, I64(0), end, I64(stretch), I64) as (begin, _):
        for block, (label, weight) in enumerate(pattern):
            here = builder.add(begin, I64(block * LANES))
            x = emit.load(scores, here)
            left = builder.insert_element(ir.Constant(ramp.type, ir.Undefined), builder.sub(end, here), I32(0))
            left = builder.shuffle_vector(left, left, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))
            weight = builder.select(builder.icmp_signed("<", ramp, left), weight, emit.constant(0.0))
            sigmoid, surplus = _sigmoid(emit, x)
            slope = builder.fmul(builder.fmul(rate, weight), builder.fsub(label, sigmoid))
            emit.store(slope, slopes, builder.add(start, here))
            # log(1 + exp(x)) - label x, its exact part first, so that the loss of a sure answer keeps its digits
            sure = builder.fsub(emit.call("maxnum", x, emit.constant(0.0)), builder.fmul(label, x))
            term = builder.fmul(weight, builder.fadd(sure, surplus))
            builder.store(builder.fadd(builder.load(loss), term), loss)
    return builder.fpext(emit.total(builder.load(loss)), ir.DoubleType())


def _sigmoid(emit: Emitter, x: Any) -> tuple[Any, Any]:
    """sigmoid(x) and log(1 + exp(-|x|)), to about 2e-7, for any x but NaN.

    Through e = exp(-|x|), and log(1 + e) = 2 artanh(e / (2 + e)), whose argument is at most 1/3, by its series.
    """
    b, one = emit.builder, emit.constant(1.0)
    e = _decayed(emit, emit.call("fabs", x))
    inverse = b.fdiv(one, b.fadd(one, e))
    sigmoid = b.select(b.fcmp_ordered(">=", x, emit.constant(0.0)), inverse, b.fmul(e, inverse))
    s = b.fdiv(e, b.fadd(emit.constant(2.0), e))
    square = b.fmul(s, s)
    series = emit.constant(2 / 11)
    for odd in (9, 7, 5, 3, 1):
        series = emit.fma(series, square, emit.constant(2 / odd))
    return sigmoid, b.fmul(series, s)


def _decayed(emit: Emitter, size: Any) -> Any:
    """exp(-size) for size >= 0, to about 2e-7: 2^n 2^f with f in [-1/2, 1/2], the latter by its Taylor series."""
    b = emit.builder
    power = emit.call("maxnum", b.fmul(size, emit.constant(-1.4426950408889634)), emit.constant(-126.0))
    whole = emit.call("rint", power)
    part = b.fsub(power, whole)
    terms = (
        1.5403530393381606e-4,
        1.3333558146428443e-3,
        9.618129107628477e-3,
        5.550410866482158e-2,
        0.2402265069591007,
    )
    series = emit.constant(terms[0])
    for term in (*terms[1:], 0.6931471805599453, 1.0):
        series = emit.fma(series, part, emit.constant(term))
    integers = ir.VectorType(I32, LANES)
    exponent = b.shl(b.fptosi(whole, integers), ir.Constant(integers, [23] * LANES))
    return b.bitcast(b.add(b.bitcast(series, integers), exponent), emit.vector)


def exponentials(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    emit = Emitter(context, builder, 0)
    scores, count = emit.pointer(signature.args[0], arguments[0]), arguments[1]
    top = emit.splat(context.cast(builder, arguments[2], signature.args[2], types.float32))
    total = cgutils.alloca_once_value(builder, emit.constant(0.0))
    ramp = ir.Constant(ir.VectorType(I64, LANES), list(range(LANES)))
    with cgutils.for_range_slice(builder, I64(0), count, I64(LANES), I64) as (here, _):
        size = emit.call("maxnum", builder.fsub(top, emit.load(scores, here)), emit.constant(0.0))
        left = builder.insert_element(ir.Constant(ramp.type, ir.Undefined), builder.sub(count, here), I32(0))
        left = builder.shuffle_vector(left, left, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))
        inside = builder.icmp_signed("<", ramp, left)
        value = builder.select(inside, _decayed(emit, size), emit.constant(0.0))
        emit.store(value, scores, here)
        builder.store(builder.fadd(builder.load(total), value), total)
    return builder.fpext(emit.total(builder.load(total)), ir.DoubleType())


def mean(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    dim = kinds[3].literal_value
    emit = Emitter(context, builder, dim)
    left, inputs, mean = (emit.pointer(kinds[a], arguments[a]) for a in (0, 1, 4))
    count = arguments[2]
    share = emit.splat(builder.fdiv(ir.Constant(F32, 1.0), builder.sitofp(count, F32)))
    for columns in _stretches(dim):
        sums = [cgutils.alloca_once_value(builder, emit.constant(0.0)) for _ in columns]
        with cgutils.for_range(builder, count, intp=I64) as loop:
            row = emit.row(left, emit.item(inputs, loop.index))
            for s, c in zip(sums, columns, strict=True):
                builder.store(builder.fadd(builder.load(s), emit.load(row, I64(c))), s)
        for s, c in zip(sums, columns, strict=True):
            emit.store(builder.fmul(builder.load(s), share), mean, I64(c))
    return context.get_dummy_value()


def add(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    dim = kinds[3].literal_value
    emit = Emitter(context, builder, dim)
    left, inputs, change = (emit.pointer(kinds[a], arguments[a]) for a in (0, 1, 4))
    scale = emit.splat(context.cast(builder, arguments[5], kinds[5], types.float32))
    for columns in _stretches(dim):
        steps = [builder.fmul(scale, emit.load(change, I64(c))) for c in columns]
        with cgutils.for_range(builder, arguments[2], intp=I64) as loop:
            row = emit.row(left, emit.item(inputs, loop.index))
            for step, c in zip(steps, columns, strict=True):
                emit.store(builder.fadd(step, emit.load(row, I64(c))), row, I64(c))
    return context.get_dummy_value()


def _stretches(dim: int) -> list[list[int]]:
    """The columns of a row's vectors, as many at a time as registers hold."""
    columns = list(range(0, dim, LANES))
    return [columns[s : s + 12] for s in range(0, len(columns), 12)]


def prefetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    dim = signature.args[2].literal_value
    emit = Emitter(context, builder, dim)
    row = emit.row(emit.pointer(signature.args[0], arguments[0]), arguments[1])
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for line in range(0, dim, CACHE_LINE // 4):
        at = builder.gep(row, [I64(line)], inbounds=True)
        builder.call(function, [builder.bitcast(at, byte), I32(1), I32(3), I32(1)])
    return context.get_dummy_value()


def adagrad(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kinds = signature.args
    half = kinds[7].literal_value
    emit = Emitter(context, builder, 2 * half)
    left = emit.row(emit.pointer(kinds[0], arguments[0]), arguments[1])
    right = emit.row(emit.pointer(kinds[2], arguments[2]), arguments[3])
    target, weight, rate = (context.cast(builder, arguments[a], kinds[a], types.float32) for a in (4, 5, 6))
    columns = range(0, half, LANES)
    kept = 2 * len(columns) <= (20 if LANES == 16 else 8)  # both rows stay in registers
    rows = {}
    sums = [emit.constant(0.0) for _ in range(min(4, len(columns)))]
    for place, k in enumerate(columns):
        w, c = emit.load(left, I64(k)), emit.load(right, I64(k))
        rows[k] = w, c
        sums[place % len(sums)] = emit.fma(w, c, sums[place % len(sums)])
    for value in sums[1:]:
        sums[0] = builder.fadd(sums[0], value)
    error = builder.fsub(emit.total(sums[0]), target)
    weighted = builder.fmul(weight, error)
    slope = emit.splat(builder.fmul(rate, weighted))
    for k in columns:
        w, c = rows[k] if kept else (emit.load(left, I64(k)), emit.load(right, I64(k)))
        for table, own, other in ((left, w, c), (right, c, w)):
            total = emit.load(table, I64(half + k))
            gradient = builder.fmul(slope, other)
            # With the flags of `jit` LLVM takes the processor's estimate of 1 / sqrt and a Newton step: 1e-7 off.
            inverse = builder.fdiv(emit.constant(1.0), emit.call("sqrt", total))
            emit.store(builder.fsub(own, builder.fmul(gradient, inverse)), table, I64(k))
            emit.store(emit.fma(gradient, gradient, total), table, I64(half + k))
    loss = builder.fmul(builder.fmul(F32(0.5), weighted), error)
    return builder.fpext(loss, ir.DoubleType())
