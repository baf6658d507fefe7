"""Commands for networks that read words in context: generate, perplexity, fill, masked-accuracy,
average, senses, distil, compare-tying.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any

from cyclopts import Parameter

from wordfield import api
from wordfield.options import (
    USUAL,
    Clusters,
    Components,
    Config,
    Contexts,
    Files,
    HeldOut,
    Isotropic,
    Json,
    Layers,
    Least,
    Likeliest,
    Listed,
    Masked,
    Model,
    MostWords,
    Occurring,
    Out,
    Prompt,
    Rare,
    Readings,
    Reports,
    Sampled,
    Seeds,
    Shown,
    Sought,
    TakenOut,
    Temperature,
    TokenCount,
    Top,
    TyingPlot,
)
from wordfield.terminal import print_json, print_table, reporting

AROUND = 50
"""Characters shown before and after a word."""
COMPARED = "Train a language model with input and output table tied, and with two, alike in all else; compare them."


def generate(
    model: Model,
    text: Prompt = "",
    /,
    *,
    tokens: TokenCount = 50,
    temperature: Temperature = 0.8,
    top: Top = 0.95,
    k: Likeliest = 5,
    seed: Sampled = 1,
    json: Json = False,
) -> None:
    """How a language model goes on with a text, and the tokens that it thinks most probable right after it."""
    result = api.generate(model, text, tokens, temperature=temperature, top=top, k=k, seed=seed)
    if json:
        return print_json(result)
    print(result["text"])
    print()
    return print_table([(token, f"{share:.4f}") for token, share in result["next"]])


def perplexity(
    model: Model,
    corpus: Files,
    /,
    *,
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """How well a language model foresees a text: among how many equally probable tokens it wavers."""
    with reporting(progress) as report:
        result = api.perplexity(model, reading.corpus(corpus, model), progress=report)
    if json:
        return print_json(result)
    rows = [("tokens", f"{result['tokens']:,}"), ("loss", f"{result['loss']:.4f} nats a token")]
    rows += [(name, f"{result[name]:.2f}") for name in ("perplexity", "forwards", "backwards") if name in result]
    rows += [("bits/byte", f"{result['bits_per_byte']:.4f}")]
    return print_table(rows)


def fill(model: Model, text: Masked, /, *, k: Likeliest = 5, json: Json = False) -> None:
    """The tokens that a masked language model thinks most probable in the place of each [MASK] of a text."""
    result = api.fill(model, text, k)
    if json:
        return print_json(result)
    rows = ([token, f"{share:.4f}"] for token, share in chain.from_iterable(result))
    places = (str(place) for place, found in enumerate(result, 1) for _ in found)
    single = len(result) == 1
    return print_table([tuple(row) if single else (place, *row) for place, row in zip(places, rows, strict=True)])


def masked_accuracy(
    model: Model,
    corpus: Files,
    /,
    *,
    share: TakenOut = 0.15,
    seed: Sampled = 1,
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """How well a masked language model guesses words that are taken out of a text."""
    with reporting(progress) as report:
        text = reading.corpus(corpus, model)
        result = api.masked_accuracy(model, text, share=share, seed=seed, progress=report)
    if json:
        return print_json(result)
    rows = [("tokens to guess", f"{result['tokens']:,}"), ("accuracy", f"{result['accuracy']:.2%}")]
    return print_table([*rows, ("loss", f"{result['loss']:.4f} nats a token")])


def average(
    model: Model,
    corpus: Files,
    /,
    *,
    out: Out,
    contexts: Contexts = 20,
    min_count: Least = 5,
    max_vocab: MostWords = None,
    layer: Layers = None,
    isotropy: Isotropic = None,
    k: Listed = 10,
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Static vectors from a network: the mean of each word's vectors over its occurrences in a text."""
    options: dict[str, Any] = {"contexts": contexts, "min_count": min_count, "max_vocab": max_vocab, "layer": layer}
    with reporting(progress) as report:
        text = reading.corpus(corpus)
        result = api.average(model, text, out, isotropy=isotropy, k=k, progress=report, **options)
    if json:
        return print_json(result)
    rows = [("words", f"{result['words']:,}"), ("dimension", str(result["dim"]))]
    rows += [("occurrences", f"{result['occurrences']:,}"), ("unlike", f"{result['unlike']:.3f}, any two of them")]
    for name in ("apart", "alike"):
        rows.append((f"most {name}", "  ".join(f"{word} {spread:.3f}" for word, spread in result[name])))
    return print_table([*rows, ("path", result["out"])])


def senses(
    model: Model,
    word: Sought,
    corpus: Files,
    /,
    *,
    clusters: Clusters = None,
    lines: Shown = 3,
    most: Occurring = 200,
    layer: Layers = None,
    reading: Readings = USUAL,
    json: Json = False,
) -> None:
    """The senses of a word, as far as a network tells them: its occurrences in a text, in clusters."""
    text = reading.corpus(corpus)
    result = api.senses(model, text, word, clusters, lines=lines, most=most, layer=-1 if layer is None else layer)
    if json:
        return print_json(result)
    apart = "" if result["silhouette"] is None else f", silhouette {result['silhouette']:.3f}"
    spread = "-" if result["spread"] is None else f"{result['spread']:.3f}"
    print(f"{word}: {result['occurrences']:,} occurrences, spread {spread}{apart}")
    for number, sense in enumerate(result["senses"], 1):
        print(f"\nsense {number}, {sense['share']:.0%}\n")
        for before, found, after in sense["lines"]:
            print(f"  {before[-AROUND:].rjust(AROUND)} [{found}] {after[:AROUND]}")
    return None


def distil(
    model: Model,
    corpus: Files,
    /,
    *,
    out: Out,
    dim: Components = 256,
    rare: Rare = 1e-4,
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Make a network into a table of its tokens, which reads texts many times faster."""
    with reporting(progress) as report:
        result = api.distil(model, reading.corpus(corpus, model), out, dim, rare=rare, progress=report)
    if json:
        return print_json(result)
    rows = [("tokens in the table", f"{result['words']:,}"), ("dimension", str(result["dim"]))]
    return print_table([*rows, ("tokens counted", f"{result['tokens']:,}"), ("path", result["out"])])


def comparing() -> Callable[..., None]:
    """The command that compares both ways with the tables: the fields of the recipe are its options."""
    from wordfield.models.sequence.llm import LLM

    Fields = Annotated[LLM, Parameter(name="*", group="Recipe")]

    def compare_tying(
        corpus: Files,
        /,
        *,
        recipe: Fields = LLM(),  # noqa: B008
        reading: Readings = USUAL,
        validation: HeldOut = None,
        seeds: Seeds = 1,
        plot: TyingPlot = None,
        config: Config = None,
        progress: Reports = None,
        json: Json = False,
    ) -> None:
        del config  # `settings` has read it
        text, aside = reading.corpus(corpus), None if validation is None else reading.corpus(validation)
        with reporting(progress) as report:
            result = api.compare_tying(text, recipe, validation=aside, seeds=seeds, plot=plot, progress=report)
        if json:
            return print_json(result)
        for table in tying_tables(result):
            print_table(table)
            print()
        return None

    compare_tying.__annotations__["recipe"] = Fields
    compare_tying.__doc__ = COMPARED
    return compare_tying


def tying_tables(result: dict[str, Any]) -> list[list[tuple[str, ...]]]:
    """What ``api.compare_tying`` returns, as tables: the ways, how alike their tables are, how long the rows are."""
    ways, saved, ratio = result["ways"].values(), result["saved"], result["ratio"]["mean"]
    first = [("", *result["ways"])]
    for name, label in (("all", "parameters"), ("tables", "of them tables")):
        first.append((label, *(f"{way['parameters'][name]:,}" for way in ways)))
    for name, label in (("perplexity", "held-out perplexity"), ("lowest", "the lowest of all checks")):
        first.append((label, *(figure(way[name], 2) for way in ways)))
    first.append(("seconds", *(figure(way["seconds"], 0) for way in ways)))
    second = [("tying saves", f"{saved['parameters']:,} parameters, {saved['share']:.1%} of the untied model's")]
    second.append(("tied less untied", f"{figure(result['difference'], 2, '+')} perplexity, {ratio:+.1%}"))
    told = (
        ("alike, of -1 to 1", "alignment", ("tied_input", "tied_output", "input_output"), 3, ()),
        ("what training added", "changes", ("tied_input", "tied_output", "input_output"), 3, ()),
        ("length of rows", "norm", ("tied", "input", "output"), 2, ("before",)),
        ("how far they moved", "moved", ("tied", "input", "output"), 2, ()),
    )
    return [first, second, *(of_bands(result, *each) for each in told if result["bands"])]


def of_bands(
    result: dict[str, Any], title: str, kind: str, names: tuple[str, ...], places: int, more: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """One kind of figure, a row a band of words."""
    heads = (name.replace("_", ", ") for name in names)
    rows = [(title, "words", "ranks", "seen", *heads, *more)]
    for band in result["bands"]:
        ranks, seen = ("-".join(f"{end:,}" for end in sorted({*band[name]})) for name in ("ranks", "counts"))
        start = (f"{result['start_norm']:.{places}f}",) if more else ()
        figures = (figure(band[kind][name], places) for name in names)
        rows.append((band["name"], f"{band['words']:,}", ranks, seen, *figures, *start))
    return rows


def figure(summary: dict[str, Any], places: int, sign: str = "") -> str:
    """A mean over seeds, with its spread where there are several."""
    mean, spread = summary["mean"], summary["spread"]
    return "-" if mean is None else f"{mean:{sign},.{places}f}" + ("" if spread is None else f" ± {spread:,.{places}f}")
