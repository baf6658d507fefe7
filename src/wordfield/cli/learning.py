"""Commands that learn: demo, train, tune."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Annotated, Any

from cyclopts import CycloptsError, Parameter

from wordfield import api
from wordfield.api.asking import KINDS
from wordfield.cli.asking import matrix_rows
from wordfield.models import contextual
from wordfield.models import recipe as recipe_class
from wordfield.options import (
    USUAL,
    Config,
    DryRun,
    Files,
    Fixed,
    HeldOut,
    Journal,
    Json,
    Kept,
    LabelledReading,
    LabelledReadings,
    MaxSize,
    Metric,
    Minutes,
    NotAsked,
    Out,
    Ranges,
    Readings,
    Reports,
    ScoredOn,
    Share,
    Start,
    Trained,
    Trials,
    Validation,
)
from wordfield.terminal import (
    print_json,
    print_table,
    reporting,
    short,
)

SMALL = 12  # words whose matrix is shown after counting


def demo(*, out: Kept = None, progress: Reports = None, json: Json = False) -> None:
    """Train Word2Vec on the documentation inside this Python; show neighbours and an analogy."""
    with reporting(progress) as report:
        result = api.demo(out, progress=report)
    if json:
        return print_json(result)
    print("Word2Vec, trained on the documentation inside your own Python\n")
    print_table(training_rows(result["training"]))
    print("\nNearest words, by cosine\n")
    near = {
        word: "  ".join(f"{other} {score:.2f}" for other, score in found) for word, found in result["neighbors"].items()
    }
    print_table(list(near.items()))
    for question in result["analogies"]:
        answers = ", ".join(f"{word} {score:.2f}" for word, score in question["answers"])
        print(f"\n{question['a']} is to {question['b']} as {question['c']} is to: {answers}")
    print("\nNext\n")
    return print_table(suggestions(out))


def suggestions(kept: Path | None) -> list[tuple[str, str]]:
    """What to try after the demo: command, what it does."""
    model = "MODEL" if kept is None else str(kept)
    first = [("wordfield demo --out MODEL", "train it again and keep it in the folder MODEL")] if kept is None else []
    return [
        *first,
        (f"wordfield neighbors {model} socket file", "the nearest words of any word"),
        (f"wordfield embed {model} 'open a file'", "a vector for any text"),
        ("wordfield train word2vec TEXT.txt --out MINE", "the same with your own text"),
    ]


def training(name: str) -> Callable[..., None]:
    """The command that trains one line of the lineage: the fields of its recipe are its options."""
    recipe_type: Any = recipe_class(name)
    Fields = Annotated[recipe_type, Parameter(name="*", group="Recipe")]
    labelled = hasattr(recipe_type, "label_prefix")

    def train(
        corpus: Files,
        /,
        *,
        out: Trained = None,
        dry_run: DryRun = False,
        recipe: Fields = recipe_type(),  # noqa: B008
        reading: Readings = LabelledReading() if labelled else USUAL,  # noqa: B008
        start: Start = None,
        validation: HeldOut = None,
        config: Config = None,
        progress: Reports = None,
        json: Json = False,
    ) -> None:
        del config  # `settings` has read it
        read = reading.labelled if isinstance(reading, LabelledReading) else reading.corpus
        text = read(corpus, start)
        if dry_run:
            planned = api.plan(recipe, text)
            return print_json(planned) if json else print_table(planned_rows(planned))
        if out is None:
            raise CycloptsError(msg="train needs --out PATH, the place for the result; or --dry-run")
        aside = None if validation is None else read(validation, start)
        with reporting(progress) as report:
            result = api.train(recipe, text, out, start=start, validation=aside, progress=report)
        if json:
            return print_json(result)
        print_table(training_rows(result))
        if result["recipe"] in KINDS and result["vocabulary"] <= SMALL:
            print()
            print_table(matrix_rows(api.matrix(out)))
        return None

    train.__annotations__ |= {"recipe": Fields, "reading": LabelledReadings if labelled else Readings}
    train.__annotations__["validation"] = HeldOut if contextual(recipe_type) else NotAsked
    train.__doc__ = recipe_type.__doc__
    return train


def tuning(name: str) -> Callable[..., None]:
    """The command that tunes one line of the lineage."""
    recipe_type: Any = recipe_class(name)
    Fields = Annotated[recipe_type, Parameter(name="*", group="Recipe (what is given is not tuned)")]
    labelled = name == "classifier"

    def tune(
        corpus: Files,
        /,
        *,
        out: Out,
        trials: Trials = None,
        minutes: Minutes = None,
        metric: Metric = None,
        validation: Validation = None,
        share: Share = 0.2,
        data: ScoredOn = None,
        ranges: Ranges = None,
        fixed: Fixed = None,
        max_size: MaxSize = None,
        journal: Journal = None,
        recipe: Fields = recipe_type(),  # noqa: B008
        reading: Readings = LabelledReading() if labelled else USUAL,  # noqa: B008
        config: Config = None,
        progress: Reports = None,
        json: Json = False,
    ) -> None:
        del config  # `settings` has read it
        read = reading.labelled if isinstance(reading, LabelledReading) else reading.corpus
        options: dict[str, Any] = {"trials": trials, "minutes": minutes, "metric": metric, "share": share}
        options |= {"data": data or (), "ranges": asked(ranges or []), "fixed": fixed or (), "max_size": max_size}
        options |= {"validation": read(validation) if validation else None, "journal": journal}
        with reporting(progress) as report:
            result = api.tune(recipe, read(corpus), out, progress=report, **options)
        if json:
            return print_json(result)
        print_table(trial_rows(result))
        print()
        return print_table(found_rows(result))

    tune.__annotations__ |= {"recipe": Fields, "reading": LabelledReadings if labelled else Readings}
    tune.__doc__ = f"{recipe_type.__doc__}\n\nTries hyperparameters, trains with the best, and tells what was tried."
    return tune


def asked(ranges: list[str]) -> dict[str, str]:
    """The ranges that --tune names, by field."""
    for each in ranges:
        if not all(each.partition("=")):
            raise CycloptsError(msg=f"--tune {each}: FIELD=a..b or FIELD=a,b,c is needed")
    return {field.replace("-", "_"): values for field, _, values in (each.partition("=") for each in ranges)}


def trial_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table of trials: what was tried, and how it went."""
    names = list(dict.fromkeys(name for trial in result["trials"] for name in trial["tried"]))
    rows = []
    for trial in result["trials"]:
        values = (short(trial["tried"].get(name)) for name in names)
        score = trial["state"] if trial["score"] is None else f"{trial['score']:.4f}"
        seconds = "-" if trial["seconds"] is None else f"{trial['seconds']:.1f}"
        room = "-" if trial["bytes"] is None else f"{trial['bytes'] / 1e6:.2f}"
        rows.append((str(trial["number"]), *values, score, seconds, room, trial["reason"]))
    return [("trial", *names, result["metric"], "seconds", "MB", ""), *rows]


def found_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The best trial, and how the recipe is written that it had."""
    usual = recipe_class(result["recipe"])()
    chosen = {name: value for name, value in result["fields"].items() if value != getattr(usual, name)}
    return [
        ("best", f"trial {result['best']}, {result['metric']} {result['score']:.4f}"),
        ("recipe", " ".join([result["recipe"], *(written(name, value) for name, value in chosen.items())])),
        ("seconds", f"{result['seconds']:.1f}"),
        ("path", result["out"]),
    ]


def written(field: str, value: Any) -> str:
    """A field of a recipe as an option."""
    option = field.replace("_", "-")
    if isinstance(value, bool):
        return f"--{option}" if value else f"--no-{option}"
    return f"--{option} {value:.4g}" if isinstance(value, float) else f"--{option} {value}"


def training_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The table that ends a training."""
    seconds, loss = result["seconds"], [short(value) for value in result["loss"]]
    network = contextual(recipe_class(result["recipe"]))
    time, heldout = "part" if network else "epoch", result["heldout"] if network else []
    return [
        ("tokens", f"{result['tokens']:,}, {result['known_tokens']:,} of them in the vocabulary"),
        ("vocabulary", f"{result['vocabulary']:,} words"),
        ("dimension", str(result["dim"])),
        ("seconds", f"{seconds['read']:.1f} to read, {seconds['train']:.1f} to train"),
        ("words/s", f"{result['words_per_second']:,.0f}"),
        ("loss", f"{loss[0]} in the first {time}, {loss[-1]} in the last" if loss[1:] else "".join(loss)),
        *[("perplexity", f"{exp(last):.2f} on text kept aside") for last in heldout[-1:]],
        *[("accuracy", f"{last:.2%} of what was masked there") for last in result["accuracy"][-1:]],
        ("path", result["out"] or "not kept"),
    ]


def planned_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The table that a dry run prints."""
    seconds, disk, known = result["seconds"], result["disk"], result["known_tokens"] / max(1, result["tokens"])
    share = f"{known:.1%} of them in the vocabulary" if known <= 1 else f"read as {result['known_tokens']:,} pieces"
    return [
        ("tokens", f"{result['tokens']:,}, {share}"),
        ("vocabulary", f"{result['vocabulary']:,} words"),
        ("dimension", str(result["dim"])),
        ("seconds", f"{seconds['read']:.1f} to read, {seconds['train']:.1f} to train"),
        ("words/s", f"{result['words_per_second']:,.0f}"),
        ("memory", f"{result['memory'] / 1e6:,.0f} MB at most"),
        ("disk", f"{disk['numbers'] / 1e6:,.0f} MB while it trains, {disk['result'] / 1e6:,.0f} MB for the result"),
        ("told from", f"{result['sample']:.1%} of the text"),
    ]
