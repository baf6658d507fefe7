"""The command line: reads arguments, calls the function of ``api`` of the same name, prints what it returns.

Results go to stdout; progress, warnings and one line ``error: ...`` to stderr. Exit status: 0 done, 1 error, 2 usage,
130 Ctrl-C, 141 nobody reads our output any more.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import App, CoercionError, CycloptsError, Parameter, Token, UnknownOptionError
from cyclopts.argument import Argument, ArgumentCollection
from cyclopts.config import Dict as Settings

from wordfield import __version__, api
from wordfield.models import LINEAGE
from wordfield.models import recipe as recipe_class
from wordfield.options import (
    USUAL,
    Aligned,
    Among,
    AskedUnknown,
    AskedWords,
    AtLeast,
    Centered,
    Chosen,
    Classified,
    Clear,
    Compared,
    Config,
    CsvFile,
    Data,
    Delimiter,
    Described,
    Dictionary,
    DryRun,
    Fetch,
    Field,
    Files,
    Fixed,
    Format,
    IndexIn,
    IndexOut,
    Input,
    Journal,
    Json,
    Kept,
    Kind,
    LabelField,
    LabelledReading,
    LabelledReadings,
    LabelsToo,
    Listed,
    Lowered,
    MarkdownFile,
    MaxNgrams,
    MaxSize,
    MaxWords,
    Method,
    Metric,
    Minutes,
    Model,
    Models,
    MostLabels,
    Near,
    Nearest,
    Norms,
    Onto,
    OtherModel,
    Out,
    Output,
    PairCount,
    Part,
    Passes,
    PhraseFile,
    Picture,
    PieceKind,
    Pieces,
    Policy,
    Quantize,
    Ranges,
    Reading,
    Readings,
    Recall,
    Refinements,
    Repair,
    Reports,
    Restrict,
    Score,
    ScoredOn,
    ScorePlot,
    Seed,
    SetNames,
    Share,
    SharedWords,
    SourceFormat,
    Start,
    Suite,
    TestPairs,
    Text,
    Texts,
    TextUnknown,
    Threshold,
    Trained,
    Trials,
    Validation,
    Vocabulary,
    Word,
    Words,
    Workers,
)
from wordfield.scoreboard import Marks, as_csv, as_markdown, before_and_after, legend, tables
from wordfield.terminal import (
    Help,
    flat,
    note,
    one_interrupt,
    print_json,
    print_table,
    reporting,
    short,
    shown,
    warning,
)
from wordfield.tuning.spaces import SPACES

log = logging.getLogger(__name__)


SMALL = 12  # words whose matrix is shown after counting
HUBS = 5  # neighbours that are shown in one line


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
    labelled = name == "classifier"

    def train(
        corpus: Files,
        /,
        *,
        out: Trained = None,
        dry_run: DryRun = False,
        recipe: Fields = recipe_type(),  # noqa: B008
        reading: Readings = LabelledReading() if labelled else USUAL,  # noqa: B008
        start: Start = None,
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
        with reporting(progress) as report:
            result = api.train(recipe, text, out, start=start, progress=report)
        if json:
            return print_json(result)
        print_table(training_rows(result))
        if result["recipe"] in api.KINDS and result["vocabulary"] <= SMALL:
            print()
            print_table(matrix_rows(api.matrix(out)))
        return None

    train.__annotations__ |= {"recipe": Fields, "reading": LabelledReadings if labelled else Readings}
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
    return [
        ("tokens", f"{result['tokens']:,}, {result['known_tokens']:,} of them in the vocabulary"),
        ("vocabulary", f"{result['vocabulary']:,} words"),
        ("dimension", str(result["dim"])),
        ("seconds", f"{seconds['read']:.1f} to read, {seconds['train']:.1f} to train"),
        ("words/s", f"{result['words_per_second']:,.0f}"),
        ("loss", f"{loss[0]} in the first epoch, {loss[-1]} in the last" if loss[1:] else "".join(loss)),
        ("path", result["out"] or "not kept"),
    ]


def planned_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The table that a dry run prints."""
    seconds, disk, known = result["seconds"], result["disk"], result["known_tokens"] / max(1, result["tokens"])
    return [
        ("tokens", f"{result['tokens']:,}, {known:.1%} of them in the vocabulary"),
        ("vocabulary", f"{result['vocabulary']:,} words"),
        ("dimension", str(result["dim"])),
        ("seconds", f"{seconds['read']:.1f} to read, {seconds['train']:.1f} to train"),
        ("words/s", f"{result['words_per_second']:,.0f}"),
        ("memory", f"{result['memory'] / 1e6:,.0f} MB at most"),
        ("disk", f"{disk['numbers'] / 1e6:,.0f} MB while it trains, {disk['result'] / 1e6:,.0f} MB for the result"),
        ("told from", f"{result['sample']:.1%} of the text"),
    ]


def info(model: Described, /, *, reading: Readings = USUAL, progress: Reports = None, json: Json = False) -> None:
    """What a model is: kind, dimension, vocabulary, recipe, provenance, file size. Or what a corpus is like: size,
    words, longest line, share without spaces between words, invalid bytes.
    """
    if len(model) == 1 and is_model(model[0]):
        result = api.info(model[0])
    else:
        with reporting(progress) as report:
            result = api.info(reading.corpus(model), progress=report)
    print_json(result) if json else print_table(flat(result))


def is_model(name: str) -> bool:
    """Whether a name stands for a model and not for text; what is neither, binary, is said to be no model."""
    from wordfield import formats
    from wordfield.text.sources import find, is_text

    if not Path(name).exists():
        return False
    try:
        formats.recognise(name)
    except formats.FormatError:
        if all(map(is_text, find([name]))):
            return False
        raise
    return True


def phrases(
    corpus: Files,
    /,
    *,
    out: PhraseFile = None,
    k: Listed = 20,
    passes: Passes = 1,
    score: Score = "word2phrase",
    threshold: Threshold = None,
    min_count: PairCount = 5,
    delimiter: Delimiter = "_",
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Words that stand together much more often than chance would have it, best first; kept with --out."""
    text = reading.corpus(corpus)
    options = {"passes": passes, "score": score, "threshold": threshold, "min_count": min_count}
    with reporting(progress) as report:
        found = api.phrases(text, out, delimiter=delimiter, progress=report, **options)  # type: ignore[arg-type]
    if json:
        return print_json({"phrases": found[:k], "found": len(found), "out": None if out is None else str(out)})
    rows = [(each["phrase"], f"{each['count']:,}", short(each["score"])) for each in found[:k]]
    print_table([("phrase", "count", score), *rows])
    return print(f"\n{len(rows):,} of {len(found):,}" + ("" if out is None else f", all of them in {out}"))


def subwords(
    corpus: Files,
    /,
    *,
    out: Vocabulary,
    size: Pieces = 8000,
    kind: PieceKind = "bpe",
    lowercase: Lowered = False,
    min_count: PairCount = 2,
    field: Field = None,
    json: Json = False,
) -> None:
    """Learn a vocabulary of pieces of words and write it as a tokenizer.json, to train with --tokenizer OUT."""
    text = Reading(field=field).corpus(corpus)
    result = api.subwords(text, out, size=size, kind=kind, lowercase=lowercase, min_count=min_count)
    print_json(result) if json else print_table(flat(result))


def cache(*, clear: Clear = False, json: Json = False) -> None:
    """Corpora that are kept as numbers, so that training on them again reads no text."""
    result = api.cache(clear=clear)
    if json:
        return print_json(result)
    rows = [
        (each["corpus"], each["tokenizer"]["name"], f"{each['tokens']:,}", size(each)) for each in result["corpora"]
    ]
    if rows:
        print_table([("corpus", "tokenizer", "tokens", "size"), *rows])
        print()
    told = [("folder", result["folder"]), ("size", f"{size(result)} of {result['limit'] / 1e6:,.0f} MB")]
    return print_table(told + ([("freed", f"{result['freed'] / 1e6:,.1f} MB")] if clear else []))


def size(result: dict[str, Any]) -> str:
    """Bytes as people read them."""
    return f"{result['bytes'] / 1e6:,.1f} MB"


def asking(model: str, words: Sequence[str], unknown: Policy | None) -> api.Result:
    """The model, loaded; on stderr what stands for those of the words that have no row of their own."""
    read = api.opened(model)
    for word, origin in api.origins(read, words, unknown).items():
        note(f"{word}: {origin}")
    return read


def index(
    model: Model,
    /,
    *,
    out: IndexOut,
    recall: Recall = 0.95,
    kind: Kind = "float16",
    threads: Workers = None,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Make an index, by which `neighbors` finds the nearest of very many words sooner; tells how many it finds and how
    fast, beside exact search. Worth it from about 200,000 words.
    """
    with reporting(progress) as report:
        result = api.index(model, out, recall=recall, kind=kind, threads=threads, progress=report)
    return print_json(result) if json else print_table(index_rows(result))


def index_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The table that ends the making of an index."""
    recall, rows = result["recall"], [("words", f"{result['rows']:,} of {result['words']:,} are in the index")]
    share = "-" if recall is None else f"{recall:.1%} of the 10 nearest, on {result['sample']:,} words"
    rows += [("recall", share), ("seconds", f"{result['seconds']:.1f} to make")]
    rows += [("size", f"{result['bytes'] / 1e6:,.1f} MB, {result['kind']}")]
    for name, speed in result["queries_per_second"].items():
        told = "-" if speed is None else f"{speed['alone']:,.0f} one by one, {speed['together']:,.0f} many at once"
        rows.append((f"queries/s, {name}", told))
    return [*rows, ("path", result["out"])]


def neighbors(
    model: Model,
    words: Words,
    /,
    *,
    k: Nearest = 10,
    unknown: AskedUnknown = None,
    index: IndexIn = None,
    json: Json = False,
) -> None:
    """The nearest words of each word, with their cosine."""
    result = api.neighbors(asking(model, words, unknown), words, k, unknown=unknown, index=index)
    rows = [(word, other, f"{score:.4f}") for word, found in result.items() for other, score in found]
    print_json(result) if json else print_table(rows)


def similarity(model: Model, a: Word, b: Word, /, *, unknown: AskedUnknown = None, json: Json = False) -> None:
    """The cosine of two words: 1 alike, 0 unrelated."""
    score = api.similarity(asking(model, [a, b], unknown), a, b, unknown=unknown)
    if json:
        return print_json({"words": [a, b], "similarity": score})
    return print("-" if score is None else f"{score:.4f}")


def analogy(
    model: Model,
    a: Word,
    b: Word,
    c: Word,
    /,
    *,
    k: Nearest = 5,
    method: Method = "add",
    unknown: AskedUnknown = None,
    json: Json = False,
) -> None:
    """The words that are to C as B is to A, best first."""
    answers = api.analogy(asking(model, [a, b, c], unknown), a, b, c, k, method, unknown=unknown)
    if json:
        return print_json({"a": a, "b": b, "c": c, "method": method, "answers": answers})
    return print_table([(word, f"{score:.4f}") for word, score in answers])


def matrix(
    model: Model,
    words: Chosen = None,
    /,
    *,
    out: Picture = None,
    unknown: AskedUnknown = None,
    json: Json = False,
) -> None:
    """Counts between words, or PPMI, of a model of these; of any other the cosines. Drawn with --out."""
    result = api.matrix(asking(model, words or (), unknown), words or (), out, unknown=unknown)
    if json:
        return print_json(result if out is None else result | {"out": str(out)})
    print_table(matrix_rows(result))
    return print(f"\n{result['kind']}" + ("" if out is None else f", drawn in {out}"))


def matrix_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """A table with a row and a column a word."""
    rows = [
        (word, *(f"{value:.4g}" for value in row)) for word, row in zip(result["words"], result["values"], strict=True)
    ]
    return [("", *result["words"]), *rows]


def embed(
    model: Model,
    texts: Texts = None,
    /,
    *,
    input: Input = None,
    output: Output = None,
    unknown: TextUnknown = None,
    json: Json = False,
) -> None:
    """One vector a text: the mean of the vectors of its words."""
    lines = given("embed", texts, input)
    vectors, words = api.embedded(model, lines, output, unknown)
    if json:
        result = {"vectors": vectors.tolist()} if output is None else {"out": str(output)}
        print_json({"model": model, "dim": vectors.shape[1], "texts": len(lines), "words": words} | result)
    elif output is not None:
        told = [("texts", len(lines)), ("dimension", vectors.shape[1]), ("path", output)]
        print_table(told + ([] if words is None else [("words", counted(words))]))
    else:
        if unknown is not None and words is not None:
            note(f"words: {counted(words)}")
        for text, vector in zip(lines, vectors, strict=True):
            print_json({"text": text, "vector": vector.tolist()})


def counted(words: dict[str, int]) -> str:
    """How many words of texts have which kind of vector."""
    return ", ".join(f"{kind} {count:,}" for kind, count in words.items()) or "none"


def predict(
    model: Model,
    texts: Classified = None,
    /,
    *,
    input: Input = None,
    k: MostLabels = 1,
    threshold: AtLeast = 0.0,
    json: Json = False,
) -> None:
    """The most probable labels of each text with their probabilities, from a classifier; a line a text."""
    found = api.predict(model, given("predict", texts, input), k, threshold)
    if json:
        return print_json({"model": model, "predictions": found})
    for labels in found:
        print("\t".join(f"{label} {chance:.4f}" for label, chance in labels))
    return None


def given(command: str, texts: list[str] | None, input: str | None) -> list[str]:
    """The texts of a command line, or the lines of its --input: one of the two."""
    if bool(texts) == (input is not None):
        raise CycloptsError(msg=f"{command} needs TEXT... or --input FILE (- for standard input), one of the two")
    return texts or read_lines(str(input))


def read_lines(path: str) -> list[str]:
    """The lines of a file, or of standard input for ``-``, as UTF-8 with replacement."""
    from wordfield.text.sources import UTF8_BOM, decoded, standard_input

    data = standard_input().read() if path == "-" else Path(path).read_bytes()
    text, invalid = decoded(data.removeprefix(UTF8_BOM), path, 0, 1, strict=False)
    if invalid:
        log.warning("%d bytes of %s are not UTF-8; U+FFFD stands for them", invalid, path)
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines[: len(lines) - (lines[-1] == "")]]


def tokens(model: Model, text: Text, /, *, unknown: TextUnknown = None, json: Json = False) -> None:
    """How a text is cut into words, what the vector of each is made of, and from which rows of the table it comes."""
    result = api.tokens(model, text, unknown=unknown)
    if json:
        return print_json({"tokens": result})
    title = ("word", "known", "rows", "made of", "n-grams, unknown ones in brackets")
    return print_table([title, *map(token_row, result)])


def token_row(token: dict[str, Any]) -> tuple[str, ...]:
    """A word, whether it is known, its own row or how many rows, what its vector is made of, and its n-grams."""
    parts = [each["ngram"] if each["known"] else f"({each['ngram']})" for each in token["ngrams"]]
    rows = token["rows"]
    shown = ", ".join(map(str, rows)) if len(rows) < 2 else f"{rows[0]} and {len(rows) - 1} more"
    return token["word"], "yes" if token["known"] else "no", shown or "none", token["origin"], " ".join(parts)


def convert(
    source: Model,
    target: Out,
    /,
    *,
    format: Format = None,
    quantize: Quantize = None,
    part: Part = 2,
    norms: Norms = False,
    output: LabelsToo = False,
    max_words: MaxWords = None,
    max_ngrams: MaxNgrams = None,
    data: Compared = None,
    repair: Repair = False,
    source_format: SourceFormat = None,
    json: Json = False,
) -> None:
    """Write a model in another format, or smaller, or what is sound of a damaged one; refuses what the format cannot
    hold, says what it leaves out and, of a smaller one, how much of it stays.
    """
    pruning: dict[str, Any] = {"max_words": max_words, "max_ngrams": max_ngrams}
    codes: dict[str, Any] = {"quantize": quantize, "part": part, "norms": norms, "output": output}
    reading: dict[str, Any] = {"repair": repair, "source_format": source_format}
    result = api.convert(source, target, format, **codes, **pruning, data=data or (), **reading)
    if json:
        return print_json(result)
    repaired = result.pop("repaired", None)
    scores = [before_and_after(each) for each in result.pop("results", [])]
    if sizes := result.pop("bytes", None):
        before, after = sizes["before"], sizes["after"]
        result["size"] = f"{before / 1e6:,.2f} MB before, {after / 1e6:,.2f} MB after, {before / after:,.1f} times less"
        share = result.pop("overlap")
        result["neighbours"] = "-" if share is None else f"{share:.1%} of the 10 nearest words stay"
    print_table(flat(result))
    if repaired is not None:
        print("\nrepaired: nothing was at fault" if not repaired else "\nrepaired:")
        print_table([(fault,) for fault in repaired])
    if scores:
        print()
        print_table([("task", "dataset", "metric", "before", "after", "change", "covered"), *scores])
    return None


def evaluate(
    models: Models,
    /,
    *,
    data: Data = None,
    suite: Suite = None,
    restrict_vocab: Restrict = 30000,
    method: Method = "add",
    unknown: TextUnknown = None,
    k: MostLabels = 1,
    threshold: AtLeast = 0.0,
    field: Field = None,
    label_field: LabelField = None,
    csv: CsvFile = None,
    markdown: MarkdownFile = None,
    plot: ScorePlot = None,
    json: Json = False,
) -> None:
    """Scores against people's judgements, with coverage and 95 % interval. Of several models a column each, on what all
    of them cover, and which are worse than the best by more than chance. Of a classifier: precision, recall and F1 of
    the labels that it gives.
    """
    places = data or [folder for folder in [os.environ.get("WORDFIELD_DATA")] if folder]
    if not places:
        raise CycloptsError(msg="evaluate needs --data: files or folders of sets, or names that `wordfield datasets` lists")
    if [csv, markdown].count("-") + json > 1:
        raise CycloptsError(msg="only one of --json, --csv - and --markdown - can go to stdout")
    for out in (csv, markdown, plot):
        if out not in (None, "-"):
            api.check_place(Path(str(out)))
    labels: dict[str, Any] = {"k": k, "threshold": threshold, "field": field, "label_field": label_field}
    options: dict[str, Any] = labels | {"unknown": unknown, "method": method, "plot": plot}
    result = api.evaluate(models[0] if len(models) == 1 else models, places, suite, restrict_vocab or None, **options)
    marks = Marks("" if sys.stdout.isatty() else "*", shown("†", "~"))
    texts = [(csv, as_csv(result)), (markdown, as_markdown(result, marks if markdown == "-" else Marks()))]
    for path, text in texts:
        if path not in (None, "-"):
            write_text(str(path), text)
    if json:
        return print_json(result)
    if piped := [text for path, text in texts if path == "-"]:
        return print(piped[0], end="")
    for title, rows, best in tables(result, marks):
        if title:
            print(f"\n{title}\n")
        print_table(rows, best)
    if told := legend(result, marks):
        print("\n" + "\n".join(told))
    return None


def write_text(path: str, text: str) -> None:
    """Write a file; what was there stays until all is written."""
    from wordfield.formats.files import replacing

    with replacing(Path(path)) as stream:
        stream.write(text.encode())


def align(
    a: Model,
    b: Onto,
    /,
    *,
    out: Aligned = None,
    pairs: Dictionary = None,
    test: TestPairs = None,
    words: SharedWords = 10000,
    center: Centered = False,
    rounds: Refinements = 0,
    restrict_vocab: Among = 30000,
    k: Listed = 20,
    seed: Seed = 1,
    format: Format = None,
    json: Json = False,
) -> None:
    """Turn a model onto the space of another that was trained apart, so that their vectors can be compared; tells how
    often a word is found in the other model, and which words moved most from one to the other.
    """
    from wordfield.alignment import Settings as Choices

    chosen = Choices(words, center, rounds=rounds, restrict_vocab=restrict_vocab or None, seed=seed)
    result = api.align(a, b, out, pairs=pairs, test=test, settings=chosen, most=k, format=format)
    if json:
        return print_json(result)
    told = {name: result[name] for name in ("pairs", "cosine", "out", "format", "lost") if result.get(name) is not None}
    rounds_done = [f"{each['pairs']:,} pairs, cosine {each['cosine']:.3f}" for each in result["rounds"]]
    print_table(flat(told | ({"rounds": rounds_done} if rounds_done else {})))
    print(f"\nFound in the other model, of {result['test']['covered']:,} of {result['test']['pairs']:,} words\n")
    rows = map(found_row, result["before"], result["after"])
    print_table([("by", "metric", "before", "after", "95 % interval"), *rows])
    print("\nFarthest from each other after the rotation\n")
    return print_table([(one, other, f"{cosine:.3f}") for one, other, cosine in result["moved"]])


def found_row(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of what is found before and after the rotation."""
    once, now, low, high = (
        "-" if value is None else f"{value:.3f}"
        for value in (before["value"], *(after[name] for name in ("value", "low", "high")))
    )
    return after["retrieval"].replace("csls", "CSLS"), after["metric"], once, now, f"{low} to {high}"


def neighborhoods(
    model: Model,
    other: OtherModel = None,
    /,
    *,
    k: Near = 10,
    words: AskedWords = 1000,
    restrict_vocab: Among = 30000,
    json: Json = False,
) -> None:
    """Words that are neighbours of suspiciously many others (hubs) or of none; of two models, how much of a word's
    neighbours is the same in both, and which words differ most.
    """
    result = api.neighborhoods(model, other, k, words=words or None, restrict_vocab=restrict_vocab or None)
    if json:
        return print_json(result)
    print_table([("model", "words", "skewness", "nobody's neighbour", "hubs"), *map(hub_row, result["hubness"])])
    if (both := result["overlap"]) is None:
        return None
    sure = "" if both["low"] is None else f" (95 %: {both['low']:.1%} to {both['high']:.1%})"
    asked = f"{both['pairs']:,} of {both['shared']:,} shared words"
    print(f"\n{both['value']:.1%} of the nearest words are the same{sure}, of {asked}; these differ most\n")
    return print_table([("word", "same", "here", "there"), *map(drift_row, result["drift"])])


def hub_row(hubs: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of hubs."""
    skewness = "-" if hubs["skewness"] is None else f"{hubs['skewness']:.2f}"
    names = " ".join(f"{word} {times:,}" for word, times in hubs["hubs"][:HUBS])
    return hubs["model"], f"{hubs['words']:,}", skewness, f"{hubs['antihubs']:.1%}", names


def drift_row(word: dict[str, Any]) -> tuple[str, ...]:
    """A word with its first neighbours in two models."""
    return word["word"], f"{word['overlap']:.0%}", " ".join(word["here"][:HUBS]), " ".join(word["there"][:HUBS])


def datasets(names: SetNames = None, /, *, fetch: Fetch = False, progress: Reports = None, json: Json = False) -> None:
    """Public evaluation sets by name, for `evaluate --data NAME`; downloaded into the cache with --fetch only."""
    if fetch and not names:
        raise CycloptsError(msg="datasets --fetch needs names of sets, or all")
    with reporting(progress) as report:
        result = api.datasets(names or (), fetch=fetch, progress=report)
    if json:
        return print_json(result)
    if names and "all" not in names:
        for each in result["datasets"]:
            print_table(flat(each))
            print()
        return None
    rows = [
        (each["name"], each["task"], each["language"], f"{each['items']:,}", each["licence"], short(each["cached"]))
        for each in result["datasets"]
    ]
    print_table([("name", "task", "language", "items", "licence of the source", "here"), *rows])
    return print(f"\nThose that are here lie in {result['folder']}")


COMMANDS: dict[str, Callable[..., None] | None] = {
    "demo": demo,
    "train": None,  # one command a recipe: see `training`
    "tune": None,  # too
    "phrases": phrases,
    "subwords": subwords,
    "info": info,
    "neighbors": neighbors,
    "index": index,
    "similarity": similarity,
    "analogy": analogy,
    "matrix": matrix,
    "tokens": tokens,
    "embed": embed,
    "predict": predict,
    "convert": convert,
    "evaluate": evaluate,
    "align": align,
    "neighborhoods": neighborhoods,
    "datasets": datasets,
    "cache": cache,
}


def application(recipes: bool = True) -> App:
    """All commands. Those below ``train`` import their recipes: ``recipes=False`` leaves them out, to start at once."""
    app = App(
        "wordfield",
        help="Words into vectors, by every method of the lineage.",
        version=__version__,
        config=settings,
        help_formatter=Help(),
        group_parameters="Options",
        help_format="plaintext",
        result_action="return_value",
        print_error=False,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    train = App("train", help="Train a recipe on a corpus: wordfield train RECIPE CORPUS... --out PATH", sort_key=1)
    better = "Search for better hyperparameters: wordfield tune RECIPE CORPUS... --out PATH [--json]"
    tune = App("tune", help=better, sort_key=2)
    groups = {"train": train, "tune": tune}
    for place, (name, function) in enumerate(COMMANDS.items()):
        app.command(function, name=name, sort_key=place) if function else app.command(groups[name])
    for place, name in enumerate(LINEAGE if recipes else ()):
        train.command(training(name), name=name, sort_key=place)
        if name in SPACES:
            tune.command(tuning(name), name=name, sort_key=place)
    return app


def settings(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Fill the options that were not given from the file that ``--config`` names; refuse misspelt ones."""
    import tomllib

    lenient = [argument for argument in arguments if argument.parameter.allow_leading_hyphen]
    for token in (token for argument in lenient for token in argument.tokens):
        if token.keyword is None and token.value.startswith("-") and token.value != "-":
            raise UnknownOptionError(token=token, argument_collection=arguments)
    given = [token.value for argument in arguments if "--config" in argument.names for token in argument.tokens]
    for path in given[-1:]:
        try:
            options = tomllib.loads(Path(path).read_text("utf-8-sig"))
        except ValueError as error:
            raise CycloptsError(msg=f"{path} is not valid TOML: {error}") from None
        Settings(options, source=path, use_commands_as_keys=False)(app, commands, arguments)
    if commands[:1] == ("tune",) and commands[1:]:
        fix_given(arguments, commands[1])
    for argument in arguments:
        if int in (argument.hint, *get_args(argument.hint)):
            refuse_fractions(argument)


def fix_given(arguments: ArgumentCollection, name: str) -> None:
    """Fields of a recipe that are given are not tuned: add them to --fix."""
    known = {f"--{field.name.replace('_', '-')}": field.name for field in fields(recipe_class(name))}
    given = [known[each] for argument in arguments if argument.tokens for each in argument.names if each in known]
    for fix in (argument for argument in arguments if "--fix" in argument.names):
        for place, field in enumerate(given, len(fix.tokens)):
            fix.append(Token(keyword="--fix", value=field, source="given", index=place))


def refuse_fractions(argument: Argument) -> None:
    """Refuse 1.5 for a whole number, which cyclopts would round; 2.0 is one."""
    for token in argument.tokens:
        try:
            whole = float(token.value).is_integer()
        except ValueError:  # no number at all: cyclopts says so
            continue
        if not whole:
            raise CoercionError(token=token, argument=argument, target_type=int)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called us, who wants nothing of it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with warning(), one_interrupt():
        status = guarded(lambda: application(recipes=arguments[:1] in (["train"], ["tune"]))(arguments))
    return status or guarded(sys.stdout.flush)


def guarded(action: Callable[[], object]) -> int:
    """Run ``action``; what it raises becomes one line on stderr and an exit status."""
    try:
        action()
    except CycloptsError as error:
        return complain(str(error), 2)
    except KeyboardInterrupt as stop:
        return complain(str(stop) or "interrupted", 130)
    except BrokenPipeError:  # the reader of our output has seen enough
        close_stdout()
        return 141
    except Exception as error:
        if os.environ.get("WORDFIELD_DEBUG"):
            raise
        close_stdout()
        return complain(explained(error), 1)
    return 0


def explained(error: Exception) -> str:
    """What went wrong, without the decoration that Python puts around it."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    if isinstance(error, UnicodeError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, (KeyError, ValueError, ArithmeticError, OSError, ImportError, TypeError)) and error.args:
        return str(error.args[0])
    return f"{type(error).__name__}: {error} (WORDFIELD_DEBUG=1 shows where)"


def complain(message: str, status: int) -> int:
    """Print the one line, and pass the status on."""
    with suppress(OSError):
        print("error:", " ".join(message.split()), file=sys.stderr)
    return status


def close_stdout() -> None:
    """Point stdout nowhere if it cannot be written to, so that Python does not complain again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
