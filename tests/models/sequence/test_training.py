"""The loop: what a step does, when it checks and stops, and that nothing is lost where it is interrupted."""

import logging
import math
import os
import signal
import threading
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from support import Stop

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence import training  # noqa: E402
from wordfield.models.sequence.decoder import Decoder, Shape  # noqa: E402
from wordfield.models.sequence.training import Loop, Measured, Plan, copies, device_of, precision_of  # noqa: E402
from wordfield.progress import silent  # noqa: E402

SHAPE = Shape(vocabulary=11, dim=8, layers=1, heads=2, groups=2, width=4, inner=12, context=6)
PLAN = Plan(
    epochs=2,
    batch=4,
    accumulate=1,
    learning_rate=1e-2,
    final_rate=0.1,
    warmup=0.2,
    weight_decay=0.1,
    clip=1.0,
    dropout=0.1,
    checks=5,
    patience=0,
    seed=1,
    threads=1,
    device="cpu",
    precision="float32",
)
STEPS = 10


class Texts:
    """Ten batches an epoch, of texts that count upwards, so that there is something to learn."""

    steps = STEPS

    def batch(self, epoch, step, size):
        random = np.random.default_rng((epoch, step))
        return torch.from_numpy((random.integers(0, 11, (size, 1)) + np.arange(7)) % 11)

    def tokens(self, batch):
        return batch[:, 1:].numel()


def network(tied=True, dtype=torch.float32, seed=3):
    made = Decoder(replace(SHAPE, tied=tied))
    made.begin(torch.Generator().manual_seed(seed))
    return made.to(dtype)


def run(plan=PLAN, made=None, progress=silent, **more):
    made = network() if made is None else made
    loop = Loop(made, Texts(), plan, progress, **more)
    loop.run()
    return loop


def weights(made):
    return {name: weight.detach().clone() for name, weight in made.named_parameters()}


def same(one, other):
    one, other = weights(one), weights(other)
    return [*one] == [*other] and all(torch.equal(one[name], other[name]) for name in one)


def close(one, other, tolerance):
    return all(
        torch.allclose(each, weights(other)[name], rtol=0, atol=tolerance) for name, each in weights(one).items()
    )


class Rates:
    """The learning rate of each step."""

    def __init__(self):
        self.found, self.loop = [], None

    def __call__(self, done, total, **measures):
        if "loss" in measures:
            self.found.append(self.loop._optimizer.param_groups[0]["lr"])


def test_it_learns_and_notes_what_it_saw():
    plan = replace(PLAN, epochs=10, learning_rate=3e-2)
    loop = run(plan, measure=lambda: Measured(1.0))
    history = loop.history
    assert history.steps == 10 * STEPS
    assert history.tokens == history.planned == 10 * STEPS * 4 * 6
    assert history.checked == [480, 960, 1440, 1920, 2400]
    assert history.loss[0] > 2
    assert history.loss[-1] < 1
    assert history.heldout == [1.0] * 5
    assert history.checks == len(history.elapsed) == 5
    assert history.elapsed == sorted(history.elapsed)
    assert history.unfinished == (0.0, 0)
    assert history.stopped == ""


def test_the_loss_noted_is_the_mean_since_the_check_before():
    noted = []
    loop = run(replace(PLAN, epochs=1), progress=lambda done, total, **told: noted.append((done, total, told["loss"])))
    assert [done for done, _, _ in noted] == [24 * (step + 1) for step in range(STEPS)]
    assert {total for _, total, _ in noted} == {240}
    assert [told for done, _, told in noted if done % 48 == 0] == pytest.approx(loop.history.loss)


def test_fewer_steps_than_checks():
    loop = run(replace(PLAN, epochs=1, checks=1000), measure=lambda: Measured(0.0))
    assert loop.history.checks == len(loop.history.loss) == STEPS


def test_the_rate_rises_then_falls():
    rates = Rates()
    rates.loop = Loop(network(), Texts(), PLAN, rates)
    rates.loop.run()
    found = rates.found
    peak = int(np.argmax(found))
    assert len(found) == 2 * STEPS
    assert peak == 4, "warm-up is a fifth of the training"
    assert found[peak] == pytest.approx(1e-2, rel=2e-3)
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) < 0).all()
    assert 0 < found[0] < 1e-4
    np.testing.assert_allclose(np.diff(found[peak:]), np.diff(found[peak:])[0], rtol=1e-6)
    assert loop_rate(1.0) == pytest.approx(1e-3), "a tenth is left at the end"


def loop_rate(share, **changes):
    return Loop(network(), Texts(), replace(PLAN, **changes), silent)._rate(share)


def test_no_warmup_begins_at_the_highest_rate():
    assert loop_rate(0.0, warmup=0.0) == 1e-2
    assert loop_rate(0.5, warmup=0.0, final_rate=0.0) == pytest.approx(5e-3)
    assert loop_rate(0.5, warmup=0.0, final_rate=1.0) == 1e-2


@pytest.mark.parametrize("tied", [True, False])
def test_weight_decay_leaves_tables_and_norms_alone(tied):
    one, other = network(tied), network(tied)
    plans = [replace(PLAN, epochs=1, weight_decay=decay, warmup=0.0) for decay in (0.0, 0.5)]
    for made, plan in zip((one, other), plans, strict=True):
        loop = Loop(made, Texts(), plan, silent)
        with training.using(plan, 1) as pool:
            loop._step(0.0, pool)
    after, begun = weights(other), weights(network(tied))
    for name, weight in weights(one).items():
        pulled = weight - 1e-2 * 0.5 * begun[name]
        if name in ("table", "output") or weight.dim() == 1:
            assert torch.equal(weight, after[name]), name
        else:
            assert not torch.equal(weight, after[name]), name
            torch.testing.assert_close(after[name], pulled, rtol=0, atol=1e-6)


def norms_of_steps(monkeypatch, plan):
    """The length of the gradient in each step."""
    found, step = [], torch.optim.AdamW.step

    def noted(self, *arguments):
        parts = [weight.grad.norm() for group in self.param_groups for weight in group["params"]]
        found.append(float(torch.stack(parts).norm()))
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    run(plan)
    return found


def test_long_gradients_are_clipped(monkeypatch):
    free = norms_of_steps(monkeypatch, replace(PLAN, epochs=1, clip=0.0))
    assert max(free) > 0.1
    cut = norms_of_steps(monkeypatch, replace(PLAN, epochs=1, clip=0.05))
    assert max(cut) == pytest.approx(0.05, rel=1e-3)


def test_parts_of_a_batch_make_the_same_step():
    plan = replace(PLAN, dropout=0.0)
    one = run(plan, network(dtype=torch.float64))
    for parts in (4, 3):
        other = run(replace(plan, accumulate=parts), network(dtype=torch.float64))
        assert close(one.network, other.network, 1e-9)
        assert one.history.loss == pytest.approx(other.history.loss)


def test_the_gradient_is_that_of_the_mean_loss(monkeypatch):
    made, step, found = network(), torch.optim.AdamW.step, {}
    losses = made.losses(Texts().batch(0, 0, 4))
    names = [name for name, _ in made.named_parameters()]
    expected = dict(zip(names, torch.autograd.grad(losses.mean(), [*made.parameters()]), strict=True))

    def noted(self, *arguments):
        found.update({name: weight.grad.clone() for name, weight in made.named_parameters() if name not in found})
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    run(replace(PLAN, dropout=0.0, clip=0.0, accumulate=2, epochs=1), made)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


@pytest.mark.parametrize("threads", [1, 2])
def test_each_part_of_each_step_drops_other_numbers(threads):
    class Noting(Decoder):
        def losses(self, batch, dropout=None):
            seen.append(dropout.generator.initial_seed())
            return super().losses(batch, dropout)

    found = []
    for _ in range(2):
        seen, made = [], Noting(SHAPE)
        made.begin(torch.Generator().manual_seed(3))
        run(replace(PLAN, epochs=1, accumulate=2, threads=threads), made)
        found.append(sorted(seen))
    assert found[0] == found[1]
    assert len(found[0]) == len({*found[0]}) == STEPS * 2 * threads


def test_several_threads_make_the_same_step():
    plan = replace(PLAN, dropout=0.0, epochs=1)
    one = run(plan, network(dtype=torch.float64))
    other = run(replace(plan, threads=2), network(dtype=torch.float64))
    assert other._copies == 2
    assert close(one.network, other.network, 1e-9)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_network(threads):
    plan = replace(PLAN, threads=threads, epochs=1)
    one, other = run(plan), run(plan)
    assert same(one.network, other.network)
    assert one.history.loss == other.history.loss
    assert not same(one.network, run(replace(plan, seed=2)).network)


def test_bfloat16_learns_too():
    plan = replace(PLAN, epochs=10, learning_rate=3e-2, precision="bfloat16")
    loop = run(plan)
    assert loop.history.loss[-1] < 1
    assert {weight.dtype for weight in loop.network.parameters()} == {torch.float32}
    assert not same(loop.network, run(replace(plan, precision="float32")).network)


def resumed(before, plan, progress=silent, **more):
    """A loop that goes on where another one stopped, from what that leaves."""
    history, state = asdict(before.history), before.state()
    made = network(before.network.tied)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.copy_(weights(before.network)[name])
    loop = Loop(made, Texts(), plan, progress, **more)
    loop.resume(history, {name: array.copy() for name, array in state.items()})
    return loop


def measured():
    """Held-out losses that fall, rise and fall, by what is asked."""
    values = iter([3.0, 2.0, 2.5, 2.2, 1.0, 1.0, 1.0])
    return lambda: Measured(next(values))


@pytest.mark.parametrize(
    ("steps", "check", "threads"),
    [(1, False, 1), (7, False, 1), (1, True, 1), (12, True, 1), (7, False, 2)],
)
def test_an_interrupted_run_goes_on_bit_for_bit(steps, check, threads):
    plan = replace(PLAN, threads=threads, patience=5)
    whole = run(plan, measure=measured())
    values = measured()
    first = Loop(network(), Texts(), plan, Stop(steps, check), measure=values)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert 0 < first.history.steps < 2 * STEPS
    second = resumed(first, plan, measure=values)
    assert second.history.resumed == first.history.tokens
    second.run()
    assert same(whole.network, second.network)
    one, other = whole.state(), second.state()
    assert [*one] == [*other]
    assert all(np.array_equal(one[name], other[name]) for name in one)
    for name in ("loss", "heldout", "checked", "checks", "steps", "tokens", "planned", "stopped"):
        assert getattr(whole.history, name) == getattr(second.history, name), name


def test_interrupted_before_the_first_step_of_going_on():
    """Nothing of what was waiting for it is lost, neither moments nor the best parameters."""
    plan = replace(PLAN, patience=5)
    first = Loop(network(), Texts(), plan, Stop(8), measure=lambda: Measured(1.0))
    with pytest.raises(KeyboardInterrupt):
        first.run()

    def interrupt(share):
        raise KeyboardInterrupt

    second = resumed(first, plan, measure=lambda: Measured(1.0), passed=interrupt)
    with pytest.raises(KeyboardInterrupt):
        second.run()
    one, other = first.state(), second.state()
    assert any(name.startswith("best.") for name in one)
    assert any(name.startswith("exp_avg.") for name in one)
    assert {*one} == {*other}
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_going_on_changes_nothing_that_it_was_given():
    first = Loop(network(), Texts(), PLAN, Stop(8))
    with pytest.raises(KeyboardInterrupt):
        first.run()
    history, state = asdict(first.history), {name: array.copy() for name, array in first.state().items()}
    kept = asdict(first.history), {name: array.copy() for name, array in state.items()}
    loop = Loop(network(), Texts(), PLAN, silent)
    loop.resume(history, state)
    loop.run()
    assert history == kept[0]
    assert all(np.array_equal(state[name], array) for name, array in kept[1].items())


def test_the_best_is_noted_before_progress_can_stop_the_run():
    plan = replace(PLAN, patience=2)
    loop = Loop(network(), Texts(), plan, Stop(1, check=True), measure=lambda: Measured(1.0))
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    found = {name: loop.state()[f"best.{name}"] for name in weights(loop.network)}
    assert all(np.array_equal(found[name], weight.numpy()) for name, weight in weights(loop.network).items())


@pytest.mark.parametrize("untied", [False, True])
def test_patience_stops_and_restores_the_best(untied):
    """Also where the output table was no table of its own when the model was best."""
    made, kept = network(), []
    values = iter([3.0, 2.0, 2.5, 2.0, 1.0])

    def measure():
        kept.append(weights(made))
        return Measured(next(values))

    def passed(share):
        if untied and share >= 0.4 and made.tied:
            made.untie()

    loop = run(replace(PLAN, patience=2), made, measure=measure, passed=passed)
    assert loop.history.heldout == [3.0, 2.0, 2.5, 2.0]
    assert loop.history.steps == 16
    assert loop.history.stopped == "the held-out loss had not fallen for 2 checks"
    found = weights(made)
    assert ("output" in found) is untied
    for name, weight in kept[1].items():
        assert torch.equal(found[name], weight), name
    if untied:
        assert torch.equal(found["output"], kept[1]["table"])


def test_the_best_is_restored_at_the_end_too():
    made, kept = network(), []
    values = iter([3.0, 2.0, 1.0, 2.0, 2.5])

    def measure():
        kept.append(weights(made))
        return Measured(next(values))

    loop = run(replace(PLAN, patience=4), made, measure=measure)
    assert loop.history.stopped == ""
    assert all(torch.equal(weight, kept[2][name]) for name, weight in weights(made).items())


def test_without_patience_the_last_is_kept():
    values = iter([1.0, 2.0, 3.0, 4.0, 5.0])
    loop = run(PLAN, measure=lambda: Measured(next(values)))
    assert same(loop.network, run(PLAN).network)
    assert not any(name.startswith("best.") for name in loop.state())


def test_a_table_that_is_untied_keeps_the_moments_of_both(monkeypatch):
    """The output table goes on from the moments of the table that it is a copy of, with gradients of its own."""
    made, step = network(), torch.optim.AdamW.step
    before, gradients = {}, {}

    def passed(share):
        if share >= 0.5 and made.tied:
            before.update({name: array.copy() for name, array in loop.state().items()})
            made.untie()

    def noted(self, *arguments):
        gradients.update({name: weight.grad.numpy().copy() for name, weight in made.named_parameters()})
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    loop = Loop(made, Texts(), PLAN, Stop(11), passed=passed)
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    state, beta = loop.state(), training.BETAS
    assert not np.array_equal(gradients["table"], gradients["output"])
    for name in ("table", "output"):
        mean = beta[0] * before["exp_avg.table"] + (1 - beta[0]) * gradients[name]
        square = beta[1] * before["exp_avg_sq.table"] + (1 - beta[1]) * gradients[name] ** 2
        np.testing.assert_allclose(state[f"exp_avg.{name}"], mean, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(state[f"exp_avg_sq.{name}"], square, rtol=1e-4, atol=1e-9)
    steps = [loop._optimizer.state[weight]["step"].item() for weight in (made.table, made.output)]
    assert steps == [11, 11]


def test_a_poisoned_network_stops_at_once():
    made = network()
    with torch.no_grad():
        made.table[3, 0] = math.nan
    before = weights(made)
    loop = Loop(made, Texts(), PLAN, silent)
    with pytest.raises(FloatingPointError, match=r"the loss of step 1 is no number.*lower learning_rate, 0\.01"):
        loop.run()
    assert loop.history.steps == 0
    assert all(torch.equal(weight.nan_to_num(7), before[name].nan_to_num(7)) for name, weight in weights(made).items())


def test_the_step_that_breaks_is_not_taken():
    """Poisoned in the sixth step: the network is as it was after the fifth."""

    class Poisoned(Texts):
        def batch(self, epoch, step, size):
            if step == 5:
                with torch.no_grad():
                    made.norm.weight[0] = math.inf
            return super().batch(epoch, step, size)

    made = network()
    loop = Loop(made, Poisoned(), PLAN, silent)
    with pytest.raises(FloatingPointError, match="the loss of step 6 is no number; the model is as it was before"):
        loop.run()
    assert loop.history.steps == 5
    fifth = Loop(network(), Texts(), PLAN, Stop(5))
    with pytest.raises(KeyboardInterrupt):
        fifth.run()
    for name, weight in weights(made).items():
        assert name == "norm.weight" or torch.equal(weight, weights(fifth.network)[name])


def test_a_rate_far_too_high_ends_with_a_finite_network():
    made = network()
    loop = Loop(made, Texts(), replace(PLAN, learning_rate=1e12, clip=0.0, warmup=0.0), silent)
    with pytest.raises(FloatingPointError, match=r"the loss of step \d+ is no number"):
        loop.run()
    assert all(weight.isfinite().all() for weight in made.parameters())


def test_a_device_without_room_names_the_batch_to_try():
    class Full(Decoder):
        def losses(self, batch, dropout=None):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    plan = replace(PLAN, batch=64, accumulate=2)
    with pytest.raises(MemoryError) as caught:
        Loop(Full(SHAPE), Texts(), plan, silent).run()
    assert str(caught.value) == (
        "the device has no room for batch=64 in accumulate=2 parts (CUDA out of memory. Tried to allocate 2.00 GiB.): "
        "try batch=32, or accumulate=4"
    )


def test_a_budget_ends_in_time_and_the_rate_has_fallen():
    rates = Rates()
    plan = replace(PLAN, epochs=1_000_000, budget=0.5)
    rates.loop = Loop(network(), Texts(), plan, rates, measure=lambda: Measured(1.0))
    begun = time.monotonic()
    rates.loop.run()
    assert time.monotonic() - begun < 30, "a step may take long on a busy machine, but not 60 budgets"
    history = rates.loop.history
    assert history.spent >= 0.5
    assert history.steps < 10_000_000
    assert history.checks == 5
    assert rates.found[-1] < max(rates.found)
    assert history.planned == history.tokens


def test_steps_that_end_before_the_budget_end_the_training():
    loop = run(replace(PLAN, budget=1000.0))
    assert loop.history.steps == 2 * STEPS
    assert loop.history.spent < 1000


def test_checkpoints_come_as_often_as_said(monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", -1.0)
    called = []
    loop = Loop(network(), Texts(), PLAN, silent, checkpoint=lambda: called.append(loop.history.steps))
    loop.run()
    assert called == [*range(1, 2 * STEPS + 1)]
    monkeypatch.setattr(training, "SAVE_EVERY", 1000.0)
    run(PLAN, checkpoint=lambda: pytest.fail("too early"))


def test_a_step_is_taken_whole():
    """Ctrl-C in the middle of it is heard at its end."""
    done, before = [], signal.getsignal(signal.SIGINT)

    def step():
        with training.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    failed = []

    def work():
        try:
            with training.uninterrupted():
                pass
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failed == []


def test_the_threads_of_pytorch_are_given_back():
    before = torch.get_num_threads()
    with training.allotted(before + 1):
        assert torch.get_num_threads() == before + 1
    run(replace(PLAN, epochs=1, threads=2))
    assert torch.get_num_threads() == before


def test_each_thread_has_gradients_while_there_is_room(monkeypatch):
    made = network()
    size = sum(weight.nbytes for weight in made.parameters())
    plan = replace(PLAN, threads=4, batch=8)
    assert copies(made, plan) == 4
    assert copies(made, replace(plan, batch=3)) == 3
    assert copies(made, replace(plan, device="cuda")) == 1
    monkeypatch.setattr(training, "MOST_COPIES", 2 * size)
    assert copies(made, plan) == 2
    monkeypatch.setattr(training, "MOST_COPIES", size - 1)
    assert copies(made, plan) == 1


def test_devices_and_precisions():
    assert device_of("cpu") == "cpu"
    assert device_of("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert precision_of("float32", "cpu") == "float32"
    assert precision_of("auto", "cpu") in ("float32", "bfloat16")
    for asked in ("tpu", "nothing"):
        with pytest.raises(ValueError, match=rf"no device '{asked}' here \(.*\): use auto or cpu"):
            device_of(asked)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no device 'cuda' here \(.*\): use auto or cpu"):
        device_of("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: PyTorch finds none")
def test_a_gpu_learns_and_goes_on():
    plan = replace(
        PLAN, epochs=10, learning_rate=3e-2, device=device_of("auto"), precision=precision_of("auto", "cuda")
    )
    assert plan.device == "cuda"
    first = Loop(network().to("cuda"), Texts(), plan, Stop(50))
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = resumed(first, plan)
    second.network.to("cuda")
    second.run()
    assert second.history.loss[-1] < 1 < second.history.loss[0]
    assert second.history.steps == 10 * STEPS
    assert {weight.device.type for weight in second.network.parameters()} == {"cuda"}


def test_nothing_is_logged(caplog):
    with caplog.at_level(logging.WARNING):
        run(replace(PLAN, epochs=1))
    assert not caplog.records
