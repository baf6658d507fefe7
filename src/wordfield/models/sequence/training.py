"""The loop that trains networks: batches to threads, the rise and fall of the learning rate, held-out text, early
stopping, checkpoints, a budget of time, Ctrl-C.

On a processor each thread takes a part of the batch through the whole network and back, and the gradients are added up
in order: threads wait for each other once a step and not at every multiplication, and the same seed gives the same
network, bit for bit, for the same number of threads. Whatever is random depends on nothing but the seed and the step,
so that a run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import ctypes
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wordfield.models.sequence.operations import Dropout
from wordfield.progress import Progress

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]

BETAS = (0.9, 0.98)
MOMENTS = ("exp_avg", "exp_avg_sq")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of settings of glibc's ``mallopt``."""
SAVE_EVERY = 300.0
"""Seconds between two checkpoints."""
MOST_COPIES = 2 << 30
"""Bytes that the gradients of all threads may take together."""


@dataclass(frozen=True)
class Plan:
    """How to train: what every recipe of this family asks of the loop."""

    epochs: int
    batch: int
    """Texts a step."""
    accumulate: int
    """Parts that a batch is read in, one after the other."""
    learning_rate: float
    final_rate: float
    warmup: float
    weight_decay: float
    clip: float
    dropout: float
    checks: int
    patience: int
    seed: int
    threads: int
    device: str
    precision: str
    budget: float | None = None
    """Seconds to train for, at most; the learning rate falls with the time."""


@dataclass
class History:
    """What training saw, one figure a check: mean loss since the check before and on text kept aside, in nats for each
    prediction, the tokens read by then, and the seconds.
    """

    loss: list[float] = field(default_factory=list)
    heldout: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    """Of a network that guesses: the share of what it guessed right at first on text kept aside."""
    checked: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    checks: int = 0
    steps: int = 0
    tokens: int = 0
    planned: int = 0
    resumed: int = 0
    spent: float = 0.0
    """Seconds of training, those before it was resumed with them."""
    stopped: str = ""
    unfinished: tuple[float, int] = (0.0, 0)
    """Loss and predictions since the last check."""


class Measured(NamedTuple):
    """What a network makes of text that was kept aside."""

    loss: float
    accuracy: float | None = None
    """The share of what it guessed right at first, where it guesses."""


class Examples(Protocol):
    """Where batches come from: of nothing but epoch and step."""

    steps: int
    """Batches in an epoch, at least 1."""

    def batch(self, epoch: int, step: int, size: int) -> Tensor:
        """``size`` texts, fewer only in a corpus that has no more, first axis first."""
        ...

    def tokens(self, batch: Tensor) -> int:
        """How many tokens a batch has."""
        ...


class Trained(Protocol):
    """A network that tells its loss."""

    def losses(self, batch: Tensor, dropout: Dropout | None = None) -> Tensor:
        """The loss of each prediction; their mean is what is made small."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...
    def to(self, device: str) -> Any: ...


class Loop:
    """One training run of ``network``; ``history`` is true at any moment, also when `run` is interrupted.

    ``measure``: what is made of text kept aside, None where there is none. ``passed``: called with the share of the
    training that is done, before each step; it may add parameters. ``checkpoint``: called every few minutes.
    """

    def __init__(
        self,
        network: Trained,
        examples: Examples,
        plan: Plan,
        progress: Progress,
        *,
        measure: Callable[[], Measured] | None = None,
        passed: Callable[[float], None] = lambda _: None,
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self.network, self.examples, self.plan, self.progress = network, examples, plan, progress
        self.measure, self.passed, self.checkpoint = measure, passed, checkpoint
        self.history = History()
        self._best: dict[str, Tensor] = {}
        self._copies = copies(network, plan)
        self._optimizer: torch.optim.Optimizer | None = None
        self._waiting: Arrays = {}

    def resume(self, history: dict[str, Any], state: Arrays) -> None:
        """Go on where a run of the same plan over the same corpus was interrupted."""
        known = History.__dataclass_fields__
        self.history = History(**{name: deepcopy(value) for name, value in history.items() if name in known})
        self.history.unfinished = (self.history.unfinished[0], self.history.unfinished[1])
        self.history.resumed, self.history.stopped = self.history.tokens, ""
        self._waiting = dict(state)
        names = (name.removeprefix("best.") for name in state if name.startswith("best."))
        self._best = {name: torch.from_numpy(state[f"best.{name}"].copy()) for name in names}

    def state(self) -> Arrays:
        """What going on needs besides the parameters: the moments of the optimiser, and the best parameters so far."""
        found: Arrays = {f"best.{name}": tensor.cpu().numpy() for name, tensor in self._best.items()}
        for name, parameter in self.network.named_parameters():
            held = {} if self._optimizer is None else self._optimizer.state.get(parameter, {})
            found |= {f"{moment}.{name}": held[moment].cpu().numpy() for moment in MOMENTS if moment in held}
        return self._waiting | found  # what is waiting: of an interruption before the first step after another one

    def run(self) -> None:
        """Train until the epochs or the budget are done, or the held-out loss has not fallen for ``patience`` checks:
        then the best parameters are restored.

        ``FloatingPointError`` that names the step where loss or gradient is no longer a number: the parameters are
        those before it. ``MemoryError`` that names the batch to try where the device has no room. What ``progress``
        raises, and Ctrl-C, pass through between two steps.
        """
        history, plan = self.history, self.plan
        total, begun, saved = self.examples.steps * plan.epochs, time.monotonic() - history.spent, time.monotonic()
        checks = min(plan.checks, total)
        since = len(history.heldout) - 1 - int(np.argmin(history.heldout)) if history.heldout else 0
        with using(plan, self._copies) as pool:
            while True:
                share = self._share(total)
                if history.steps and int(share * checks) > history.checks:
                    since = self._check(since, int(share * checks))
                if share == 1 or (plan.patience and since >= plan.patience):
                    break
                self.passed(share)
                self._step(share, pool)
                history.spent = time.monotonic() - begun
                history.planned = round(history.tokens / self._share(total))
                mean = history.unfinished[0] / history.unfinished[1]
                self.progress(history.tokens, history.planned, loss=mean)
                if time.monotonic() - saved > SAVE_EVERY:
                    self.checkpoint()
                    saved = time.monotonic()
        if plan.patience and since and self._best:
            if since >= plan.patience:
                history.stopped = f"the held-out loss had not fallen for {since} checks"
            self._restore()

    def _share(self, total: int) -> float:
        """How much of the training is done: of the steps or of the time, whichever is more."""
        time_share = 0.0 if self.plan.budget is None else self.history.spent / self.plan.budget
        return min(1.0, max(self.history.steps / total, time_share))

    def _rate(self, share: float) -> float:
        """The learning rate: it rises evenly, then falls evenly."""
        plan = self.plan
        if share < plan.warmup:
            return plan.learning_rate * (share / plan.warmup + 1e-3)
        fallen = (share - plan.warmup) / (1 - plan.warmup)
        return plan.learning_rate * (1 - (1 - plan.final_rate) * fallen)

    def _step(self, share: float, pool: ThreadPoolExecutor | None) -> None:
        history, plan = self.history, self.plan
        epoch, step = divmod(history.steps, self.examples.steps)
        batch = self.examples.batch(epoch, step, plan.batch)
        parameters = [parameter for _, parameter in self.network.named_parameters()]
        with uninterrupted():
            optimizer = self._prepared(self._rate(share))
        loss, predictions, gradients = self._gradients(batch, parameters, pool)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.div_(predictions)
        norm = nn.utils.clip_grad_norm_(parameters, plan.clip or math.inf)
        if not math.isfinite(loss) or not math.isfinite(float(norm)):
            raise FloatingPointError(
                f"the loss of step {history.steps + 1} is no number; the model is as it was before: lower "
                f"learning_rate, {plan.learning_rate}"
            )
        with uninterrupted(), allotted(plan.threads):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            history.steps += 1
            history.tokens += self.examples.tokens(batch)
            history.unfinished = (history.unfinished[0] + loss, history.unfinished[1] + predictions)

    def _gradients(
        self, batch: Tensor, parameters: Sequence[nn.Parameter], pool: ThreadPoolExecutor | None
    ) -> tuple[float, int, list[Tensor]]:
        """Sum of the losses of a batch, their number, and the gradient of the sum."""
        parts = batch.tensor_split(min(self.plan.accumulate * self._copies, len(batch)))
        jobs = [(number, part, parameters) for number, part in enumerate(parts)]
        loss, predictions, gradients = 0.0, 0, list[Tensor]()
        try:
            for first in range(0, len(jobs), self._copies):
                some = jobs[first : first + self._copies]
                found = map(self._backward, some) if pool is None else pool.map(self._backward, some)
                for each, count, more in found:
                    loss, predictions = loss + each, predictions + count
                    gradients = (
                        [one.add_(other) for one, other in zip(gradients, more, strict=True)] if gradients else more
                    )
        except torch.cuda.OutOfMemoryError as error:
            raise self._too_large(error) from error
        return loss, predictions, gradients

    def _backward(self, job: tuple[int, Tensor, Sequence[nn.Parameter]]) -> tuple[float, int, list[Tensor]]:
        """Through the network and back with a part of a batch."""
        number, part, parameters = job
        plan = self.plan
        seeds = np.random.SeedSequence((plan.seed, self.history.steps, number)).generate_state(1, np.uint64)
        generator = torch.Generator(plan.device).manual_seed(int(seeds[0]))
        with autocast(plan):
            losses = self.network.losses(part.to(plan.device), Dropout(plan.dropout, generator))
            loss = losses.sum()
        return loss.item(), losses.numel(), list(torch.autograd.grad(loss, parameters))

    def _prepared(self, rate: float) -> torch.optim.Optimizer:
        """The optimiser, with what it remembers and all parameters that there are by now: tables and norms are not
        pulled to zero.
        """
        if self._optimizer is None:
            self._optimizer = torch.optim.AdamW(
                [{"params": [], "weight_decay": decay} for decay in (self.plan.weight_decay, 0.0)],
                betas=BETAS,
                fused=True,
            )
        known = {id(parameter) for group in self._optimizer.param_groups for parameter in group["params"]}
        for name, parameter in self.network.named_parameters():
            if id(parameter) not in known:
                group = self._optimizer.param_groups[parameter.dim() < 2 or name.endswith(("table", "output"))]
                group["params"].append(parameter)
                self._remember(name, parameter)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        return self._optimizer

    def _remember(self, name: str, parameter: nn.Parameter) -> None:
        """Give the optimiser the moments of a parameter that it had before the interruption, or those of the table that
        the parameter was a copy of.
        """
        assert self._optimizer is not None  # noqa: S101
        held = {moment: self._waiting.pop(f"{moment}.{name}", None) for moment in MOMENTS}
        given = {key: torch.from_numpy(np.array(value)) for key, value in held.items() if value is not None}
        if not given and self.history.steps and name == "output":
            table = dict(self.network.named_parameters())["table"]
            given = {key: self._optimizer.state[table][key].clone() for key in MOMENTS}
        if given:
            step = torch.tensor(float(self.history.steps), device=parameter.device)
            moved = {key: value.to(parameter.device) for key, value in given.items()}
            self._optimizer.state[parameter] = {"step": step, **moved}

    def _check(self, since: int, number: int) -> int:
        """Note the losses; how many checks the held-out loss has not fallen for."""
        history = self.history
        loss, best = history.unfinished[0] / max(history.unfinished[1], 1), min(history.heldout, default=math.inf)
        found = None if self.measure is None else self.measure()
        better = found is not None and found.loss < best
        with uninterrupted():
            history.checks, history.unfinished = number, (0.0, 0)
            history.loss.append(loss)
            history.heldout += [] if found is None else [found.loss]
            history.accuracy += [] if found is None or found.accuracy is None else [found.accuracy]
            history.checked.append(history.tokens)
            history.elapsed.append(history.spent)
            if better and self.plan.patience:
                self._best = {name: each.detach().clone() for name, each in self.network.named_parameters()}
        if found is not None:
            self.progress(history.tokens, history.planned, heldout=found.loss)
        return 0 if better or found is None else since + 1

    def _restore(self) -> None:
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                # An output table that was none at the best check was the other table then.
                parameter.copy_(self._best["table" if name == "output" and name not in self._best else name])

    def _too_large(self, error: Exception) -> MemoryError:
        smaller = max(1, self.plan.batch // 2)
        return MemoryError(
            f"the device has no room for batch={self.plan.batch} in accumulate={self.plan.accumulate} parts "
            f"({str(error).splitlines()[0]}): try batch={smaller}, or accumulate={2 * self.plan.accumulate}"
        )


def copies(network: Trained, plan: Plan) -> int:
    """How many threads each have gradients of their own."""
    if plan.device != "cpu":
        return 1
    size = sum(parameter.nbytes for _, parameter in network.named_parameters())
    return max(1, min(plan.threads, plan.batch, MOST_COPIES // max(size, 1)))


@contextmanager
def using(plan: Plan, copies: int) -> Iterator[ThreadPoolExecutor | None]:
    """The threads that work side by side, each alone; None for one."""
    keep_memory()
    with allotted(plan.threads if copies == 1 else plan.threads // copies):
        if copies == 1:
            yield None
        else:
            with ThreadPoolExecutor(copies) as pool:
                yield pool


def keep_memory() -> None:
    """Have the C library keep memory that a step is done with for the next step: giving it back to the system and
    asking for it again takes a tenth of the time. From here on, in this process; only where that library is glibc.
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(TRIM_THRESHOLD, 1 << 30)
        library.mallopt(MMAP_THRESHOLD, 1 << 25)


@contextmanager
def allotted(threads: int) -> Iterator[None]:
    """PyTorch's own threads for each operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until this is done, so that a step is taken whole or not at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


def autocast(plan: Plan) -> Any:
    """Matrices multiplied in bfloat16, where the plan says so."""
    if plan.precision == "bfloat16":
        return torch.autocast(torch.device(plan.device).type, torch.bfloat16)
    return nullcontext()


def device_of(asked: str) -> str:
    """The device to use: ``auto`` is the first GPU, else the processor. ``ValueError`` for one that is not there."""
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=asked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"no device {asked!r} here ({str(error).splitlines()[0]}): use auto or cpu") from None
    return asked


def precision_of(asked: str, device: str) -> str:
    """What matrices are multiplied in: ``auto`` is bfloat16 where the device has such arithmetic, else float32."""
    if asked != "auto":
        return asked
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    fast = False
    with suppress(AttributeError, RuntimeError):
        fast = bool(torch.cpu._is_avx512_bf16_supported()) or bool(torch.cpu._is_amx_tile_supported())
    return "bfloat16" if fast and device == "cpu" else "float32"
