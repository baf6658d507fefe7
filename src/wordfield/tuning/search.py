"""Trials, one after the other, noted in a log that they go on from.

The next is drawn by tree-structured Parzen estimators (Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for
hyper-parameter optimization"), as Optuna has them.
"""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from json import dumps, loads
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from wordfield.progress import Progress, silent
from wordfield.supervised import ClassifierModel
from wordfield.text.labelled import Labelled
from wordfield.text.sources import STDIN
from wordfield.tuning.fitting import TooLarge, fitting, size_of
from wordfield.tuning.judging import Judge
from wordfield.tuning.spaces import Space, Span, applied, start_of

log = logging.getLogger(__name__)

PathLike: TypeAlias = str | os.PathLike[str]

TRIALS = 20
"""Trials where neither their number nor a time is given."""
RANDOM = 6
"""Trials that are drawn at random, before what was scored leads."""


class OutOfTime(Exception):
    """The time for trials is over."""


@dataclass(frozen=True)
class Tried:
    """One trial. ``state``: done, failed (``reason`` says why), or interrupted, which counts for nothing."""

    number: int
    tried: dict[str, Any]
    score: float | None
    seconds: float | None
    bytes: int | None
    state: str
    reason: str = ""


class Search:
    """Trials of ``recipe``, in ``space``, until there are as many as ``trials`` (with those in the log), or ``minutes``
    are over; `TRIALS` where neither is given. The first is the recipe as it is.

    ``max_size``: bytes that a classifier may take when written as ``target``: what is larger is compressed before it is
    scored.
    ``journal``: a file in which trials are noted, to go on from. Every random choice begins with the recipe's seed, so
    that a search that was stopped goes on as if it had not been.
    """

    def __init__(
        self,
        recipe: Any,
        text: Any,
        judge: Judge,
        space: Space,
        *,
        trials: int | None = None,
        minutes: float | None = None,
        max_size: int | None = None,
        target: PathLike = "model",
        journal: PathLike | None = None,
        progress: Progress = silent,
    ) -> None:
        if trials is not None and trials < 1:
            raise ValueError(f"trials must be at least 1, not {trials}")
        if minutes is not None and not 0 < minutes < math.inf:
            raise ValueError(f"minutes must be above 0, not {minutes}")
        if max_size is not None and not hasattr(recipe, "label_prefix"):
            raise ValueError("max_size is for classifiers: other models are compressed by convert, once trained")
        refuse_stdin(text)
        self.recipe, self.text, self.judge, self.space, self.target = recipe, text, judge, space, target
        self.trials = TRIALS if trials is None and minutes is None else trials
        self.seconds = math.inf if minutes is None else 60 * minutes
        self.max_size, self.progress = max_size, progress
        self.model: Any = None
        """The best that was trained here, or None."""
        self._begun = time.monotonic()
        self._best: tuple[float, int] | None = None
        self._optuna = optuna()
        self._study = self._opened(journal)

    def run(self) -> None:
        """Try. ``ValueError`` if all trials failed or none came to its end, and what the first says if the recipe as it
        is cannot be trained; after Ctrl-C ``model`` has the best so far.
        """
        with quiet(self._optuna):
            for trial in self._study.get_trials(deepcopy=False):
                if not trial.state.is_finished():  # by a process that was ended
                    self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
            while not self._enough():
                try:
                    self._try()
                except OutOfTime:
                    break
        found = self.tried()
        if all(trial.state != "done" for trial in found):
            failed = [trial for trial in found if trial.state == "failed"]
            if failed:
                raise ValueError(f"all {len(failed)} trials failed; the first: {failed[0].reason}")
            raise ValueError(
                f"no trial came to its end in {self.seconds / 60:g} minutes: give more, or a recipe of fewer epochs"
            )

    def tried(self) -> list[Tried]:
        """All trials, those in the log too, in order."""
        found = []
        for trial in self._study.get_trials(deepcopy=False):
            notes = trial.user_attrs
            state = {"COMPLETE": "done", "PRUNED": "failed"}.get(trial.state.name, "interrupted")
            measured = trial.value, notes.get("seconds"), notes.get("bytes"), state, notes.get("reason", "")
            found.append(Tried(trial.number, dict(trial.params), *measured))
        return found

    def best(self) -> Tried | None:
        """The best of all trials, the first of equals; None while none is done."""
        done = [trial for trial in self.tried() if trial.state == "done"]
        return min(done, key=lambda trial: self._rank(trial.score or 0.0), default=None)

    def chosen(self) -> Any:
        """The recipe with the values of the best trial."""
        best = self.best()
        return self.recipe if best is None else applied(self.recipe, best.tried)

    def result(self) -> Any:
        """The best model, from all of the text: as it was tried, or, where that was on a part of it or in an earlier
        search, trained once more.
        """
        best = self.best()
        if self.judge.whole and best is not None and self._best == (best.score, best.number):
            return self.model
        try:
            return self._smaller(self.chosen().fit(self.text, self.progress))
        except (ArithmeticError, MemoryError, TooLarge) as error:
            if self.model is None:
                raise
            log.warning("training on all of the text failed (%s): the model is the best of the trials", said(error))
            return self.model

    def _try(self) -> None:
        """One trial, and a note of it."""
        State, done = self._optuna.trial.TrialState, self._done()
        if not done:
            self._study.enqueue_trial(start_of(self.recipe, self.space))
        self._study.sampler = self._sampler(done)
        trial = self._study.ask(fixed_distributions=self._distributions())
        begun = time.monotonic()
        try:
            made = applied(self.recipe, trial.params)
            if self.judge.heldout:
                made = replace(made, heldout=self.judge.heldout)
            model = self._smaller(made.fit(self.judge.text, self._watch(done)))
            score = self.judge.score(model)
            if not math.isfinite(score):
                raise FloatingPointError(f"the score is {score}")
        except (ArithmeticError, MemoryError, ValueError) as error:
            if not done and isinstance(error, ValueError) and not isinstance(error, TooLarge):
                self._study.tell(trial, state=State.FAIL)
                raise
            log.warning("trial %d failed: %s", trial.number, said(error))
            trial.set_user_attr("reason", said(error))
            trial.set_user_attr("seconds", time.monotonic() - begun)
            self._study.tell(trial, state=State.PRUNED)
            return
        except BaseException:  # Ctrl-C, or what progress raised
            self._study.tell(trial, state=State.FAIL)
            raise
        trial.set_user_attr("seconds", time.monotonic() - begun)
        trial.set_user_attr("bytes", size_of(model.table()))
        self._study.tell(trial, score)
        best = self.best()
        if best is not None and best.number == trial.number:
            self.model, self._best = model, (score, trial.number)

    def _enough(self) -> bool:
        return (self.trials is not None and self._done() >= self.trials) or time.monotonic() >= self._deadline()

    def _deadline(self) -> float:
        """When the last trial is to end: so that the best can still be trained on all of the text."""
        best = None if self.judge.whole else self.best()
        return self._begun + self.seconds - (best.seconds or 0.0 if best else 0.0)

    def _done(self) -> int:
        return sum(trial.state != "interrupted" for trial in self.tried())

    def _rank(self, score: float) -> float:
        return score if self.judge.lower else -score

    def _smaller(self, model: Any) -> Any:
        if self.max_size is None:
            return model
        return ClassifierModel.of(fitting(model.table(), self.max_size, self.target, self.recipe.seed))

    def _watch(self, before: int) -> Progress:
        """Progress of all trials, made of that of one; ``OutOfTime`` when the time is over."""
        deadline, best = self._deadline(), self.best()

        def report(done: int, total: int, **measures: Any) -> None:
            if time.monotonic() > deadline:
                raise OutOfTime
            here = done / total if total and measures else 0.0  # reading tells no measures
            shares = [(time.monotonic() - self._begun) / self.seconds]
            shares += [(before + here) / self.trials] if self.trials else []
            known = {} if best is None else {"best": best.score}
            self.progress(min(999, int(1000 * max(shares))), 1000, trial=before + 1, **known)

        return report

    def _sampler(self, done: int) -> Any:
        """What draws a trial after so many others: it depends on these, and on no state that a log would lack."""
        seed = int(np.random.SeedSequence([getattr(self.recipe, "seed", 1), done]).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            return self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM, multivariate=True)

    def _distributions(self) -> dict[str, Any]:
        kinds, made = self._optuna.distributions, {}
        for field, span in self.space.items():
            if isinstance(span, Span):
                kind = kinds.IntDistribution if isinstance(span.low, int) else kinds.FloatDistribution
                made[field] = kind(span.low, span.high, log=span.log)
            else:
                made[field] = kinds.CategoricalDistribution(span)
        return made

    def _opened(self, journal: PathLike | None) -> Any:
        """The study: a new one, or that of the log, if it is of the same search."""
        direction = "minimize" if self.judge.lower else "maximize"
        with quiet(self._optuna):
            if journal is None:
                return self._optuna.create_study(direction=direction)
            mended(Path(journal))
            storages = self._optuna.storages
            storage = storages.JournalStorage(storages.journal.JournalFileBackend(os.fspath(journal)))
            study = self._optuna.create_study(
                storage=storage, study_name="wordfield", direction=direction, load_if_exists=True
            )
        about = self._about()
        before = study.user_attrs.get("search")
        if before is None:
            study.set_user_attr("search", about)
        elif before != about:
            other = next(part for part in about if before.get(part) != about[part])
            raise ValueError(
                f"{os.fspath(journal)} is the log of another search: its {other} is {before.get(other)}, here it is "
                f"{about[other]}; give another log"
            )
        return study

    def _about(self) -> dict[str, Any]:
        """What a search is, so that its log is not taken for that of another; as JSON has it."""
        tuned = {*self.space, *(("minn", "maxn") if "ngrams" in self.space else ())}
        recipe = {name: value for name, value in self.recipe.described().items() if name not in (*tuned, "threads")}
        about = {
            "recipe": recipe,
            "space": self.space,
            "start": start_of(self.recipe, self.space),
            "metric": self.judge.metric,
            "text": self.text.name,
            "scored on": self.judge.scored_on,
            "max_size": self.max_size,
        }
        return dict(loads(dumps(about)))


def said(error: Exception) -> str:
    """What went wrong in a trial."""
    return "not enough memory" if isinstance(error, MemoryError) else str(error)


def refuse_stdin(text: Any) -> None:
    """``ValueError`` for text that can be read only once."""
    parts = text.corpus.parts if isinstance(text, Labelled) else text.parts
    if any(part.name == STDIN for part in parts):
        raise ValueError("each trial reads the text, standard input can be read once: save it as a file and give that")


def mended(journal: Path) -> None:
    """Drop a last line that was cut short when its process was ended. ``FileExistsError`` for a file that is no log."""
    if not journal.exists() or not journal.stat().st_size:
        return
    with journal.open("r+b") as stream:
        try:
            entry = loads(stream.readline())
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or "op_code" not in entry:
            raise FileExistsError(f"{journal} exists and is no log of a search; it is left alone: give another name")
        stream.seek(0)
        content = stream.read()
        stream.truncate(content.rfind(b"\n") + 1)


def optuna() -> Any:
    """The library that chooses trials. ``ImportError`` naming the extra where it is missing."""
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise ImportError("this needs optuna; to use it: pip install 'wordfield[tune]'") from error
    return optuna


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Without Optuna's own reports, which say of each trial what we do."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
