"""Models: what they are, where they come from and go."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.evaluation.undertrained import Indicator
    from wordfield.formats.architecture import Side
    from wordfield.models.sequence.bidirectional_language_model import Begin
    from wordfield.models.sequence.contextual import ContextualModel
    from wordfield.models.service.hosted import HostedModel
    from wordfield.protocols import Labeller
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel
    from wordfield.text.corpus import Corpus
    from wordfield.unknown import Policy, Unknown

Result: TypeAlias = "StaticModel | ClassifierModel | ContextualModel"
Answering: TypeAlias = "Result | HostedModel"
"""Whatever makes vectors of texts."""
Model: TypeAlias = "str | Path | Answering"
Choice: TypeAlias = "Unknown | Policy | None"
# What a model remembers besides its words and vectors, as people call it.
PARTS = {
    "counts": "word counts",
    "config": "recipe, tokenizer and history",
    "state": "what training goes on from",
    "ngrams": "n-grams, and so vectors of unknown words",
    "classes": "labels",
    "network": "the network: what it made of words in their context",
    "codes": "codes: all numbers are written in full",
    "product": "codes: all numbers are written in full",
    "segmentation": "how Chinese is cut into words: texts must come with spaces between theirs",
    "script": "the conversion of Chinese: texts must come in the script of the model",
    "phrases": "the joining of phrases: texts must come with theirs joined",
    "unknown": "one way with unknown pieces: model2vec leaves them out, sentence-transformers counts them",
    "pooling": "prompts and dimensions that are left out, of which model2vec knows nothing",
    "settings": "tokenizer and history, and of the recipe what is no setting of fastText's, such as the learning rate",
    "squares": "how far the steps of training have become smaller: training goes on, with large ones",
    "words": "words: they keep their vectors, but none is listed",
}


def load(
    path: str | Path,
    format: str | None = None,
    *,
    repair: bool = False,
    table: Side = "input",
    state: Begin | None = None,
    dimensions: int | None = None,
    truncate: bool = False,
) -> Answering:
    """Read a model of any known format, recognised by its content; a classifier where it has labels. Or a model behind
    an API, siliconflow:BAAI/bge-m3 or http://host/v1#model: nothing is asked of it yet, see
    ``wordfield.models.service.hosted.HostedModel``, which has more options.

    ``FileNotFoundError`` if nothing is there; ``FormatError`` if it is no model, or a damaged one. ``format``: what it
    is, of the names in ``wordfield.formats.FORMATS``, where its beginning does not show it. ``repair``: rows that are
    damaged, or stand twice, are left out, which the log says, and the rest is read. ``table``: of a network the vectors
    that go in, or, "output", those by which it finds the next word; ``ValueError`` where there are none. ``state``: of
    an ELMo how texts are begun: warm (unset), zero or carry, see ``BidirectionalLanguageModel``. ``dimensions``,
    ``truncate``: of a model behind an API.
    """
    from wordfield.models.service.providers import is_service

    if is_service(str(path)) and not Path(path).exists():
        refuse_options(
            path, format=format, repair=repair or None, state=state, table=None if table == "input" else table
        )
        from wordfield.models.service.hosted import HostedModel

        return HostedModel.named(str(path), dimensions=dimensions, truncate=truncate)
    if dimensions is not None or truncate:
        raise ValueError(f"{path}: dimensions and truncate are for models behind an API, such as openai:model")
    return read(path, format, repair, table, state)


def refuse_options(path: str | Path, **options: Any) -> None:
    """``ValueError`` for options that mean nothing of a model behind an API."""
    if given := [name for name, value in options.items() if value is not None]:
        raise ValueError(f"{path} is a model behind an API, for which there is no {' or '.join(given)}")


def read(path: str | Path, format: str | None, repair: bool, table: Side, state: Begin | None) -> Result:
    """The model in a file or folder."""
    from wordfield import formats
    from wordfield.formats.architecture import chosen
    from wordfield.models.sequence import model_of, runnable
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel

    found = chosen(formats.load(path, format, repair), table)
    if found.network is not None and runnable(found.network.config):
        model: Any = model_of(found)
        if state is not None and not hasattr(model, "beginning"):
            raise ValueError(f"state={state!r}: only an ELMo begins texts in a state, this is a {model.KIND}")
        return model if state is None else model.beginning(state)  # type: ignore[no-any-return]
    if state is not None:
        raise ValueError(f"state={state!r}: only an ELMo begins texts in a state, this has no network")
    return StaticModel.of(found) if found.classes is None else ClassifierModel.of(found)


def save(model: Answering, path: str | Path, format: str | None = None) -> None:
    """Write a model: in the format named, of those in ``wordfield.formats.FORMATS``, or the one that the name's ending
    says, see ``wordfield.formats.SUFFIXES``; without an ending a native folder, which keeps all. Of what else is left
    out ``wordfield.formats.losses`` tells.
    """
    model.save(path, format)


def info(model: Model | Corpus, *, plot: str | Path | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Of a model: kind, dimension, vocabulary, recipe, provenance and, of a path, format and size in bytes. ``plot``:
    also draw how its loss fell in training, .png, .svg or .pdf.

    Of a ``Corpus``, which is read for it: files, stored_bytes, bytes, sentences, tokens, types, invalid_bytes,
    tokenizer, longest_line (bytes, number), and ``unsegmented``, the share of it that has no spaces between words.
    """
    from wordfield.text.corpus import Corpus

    if isinstance(model, Corpus):
        from wordfield.text.inspection import inspect

        return inspect(model, progress)
    described = answering(model).info()
    if plot is not None:
        from wordfield.plots import course

        course(described["history"], plot)
    if not isinstance(model, (str, Path)) or "address" in described:
        return described
    from wordfield import formats

    name = formats.recognise(model)
    return {"model": str(model), "format": name, **described, "bytes": stored_bytes(model, name)}


def classifier(model: Model) -> Labeller:
    """The classifier itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.protocols import Labeller

    read = opened(model)
    if not isinstance(read, Labeller):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no classifier: it has no labels"
        )
    return read


def stored_bytes(path: str | Path, format: str | None = None) -> int:
    """Bytes of a model's file and of those that belong to it, or of all files in its folder."""
    from wordfield import formats

    return sum(file.stat().st_size for file in formats.files_of(path, format))


def opened(model: Model, table: Side = "input") -> Result:
    """The model itself, loaded if it is a path; of a network, "output": the words with its output table. ``ValueError``
    for a model behind an API, which has no words to look among.
    """
    found = load(model, table=table) if isinstance(model, (str, Path)) else model
    local: Result = refuse_hosted(found)
    if table == "input" or local is not model:
        return local
    from wordfield.formats.architecture import chosen
    from wordfield.static import StaticModel

    return StaticModel.of(chosen(local.table(), table))


def refuse_hosted(model: Model) -> Any:
    """The model, or its path, unless it is one behind an API: then ``ValueError``."""
    from wordfield.models.service.hosted import HostedModel
    from wordfield.models.service.providers import is_service

    named = isinstance(model, str) and is_service(model) and not Path(model).exists()
    if named or isinstance(model, HostedModel):
        raise ValueError(
            f"{model.name if isinstance(model, HostedModel) else model} is a model behind an API: it makes vectors of "
            "texts, for embed, search and evaluate on sentences, and has no list of words"
        )
    return model


def answering(model: Model, table: Side = "input", **options: Any) -> Answering:
    """The model itself, loaded if it is a path or a name, wherever it is; ``table``, ``options``: as of ``load``."""
    from wordfield.models.service.hosted import HostedModel

    found = load(model, table=table, **options) if isinstance(model, (str, Path)) else model
    return found if isinstance(found, HostedModel) else opened(found, table if found is model else "input")


def undertrained(
    model: Model, k: int = 50, *, table: Side = "input", indicator: Indicator | None = None
) -> dict[str, Any]:
    """The ``k`` tokens of ``model`` whose vectors look as if training had never, or hardly ever, touched them: those
    most like the rows that nothing can have touched; where there are none, the shortest.

    ``table``: of a network the vectors that go in or, "output", those by which it finds the next word. ``indicator``,
    and what is returned: see ``wordfield.evaluation.undertrained.examine``.
    """
    from wordfield.evaluation.undertrained import examine

    named = {"model": str(model) if isinstance(model, (str, Path)) else None}
    return named | examine(opened(model).table(), k, table, indicator)


def keep(model: Result, out: Path, format: str) -> None:
    """Write ``out``; if that fails now, after all the work, write to the system's temporary folder and say where."""
    try:
        model.save(out, format)
    except (OSError, ValueError) as error:
        try:
            refuge = Path(tempfile.mkdtemp(prefix="wordfield-")) / out.stem
            model.save(refuge, "native" if model.table().network is None else "checkpoint")
        except (OSError, ValueError):
            raise error from None
        kind = OSError if isinstance(error, OSError) else ValueError
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        raise kind(f"{said}; the trained model is kept in {refuge}") from error


def refuse_foreign(out: Path, format: str) -> None:
    """Raise what stands against writing to ``out``: something that is no model, a place that cannot be written."""
    from wordfield import formats

    formats.check_target(out, format)
    if out.is_file() and out.stat().st_size:
        try:
            formats.recognise(out)
        except formats.FormatError:
            raise FileExistsError(f"{out} exists and is no model; it is left alone: give another name") from None
    check_place(out)


def check_place(out: Path) -> None:
    """``OSError`` where nothing can be written to ``out``, before work is done that is to be written there."""
    place = out.absolute().parent
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from None


def summary(model: Result, out: str | Path | None) -> dict[str, Any]:
    """What ``train`` returns, from what the model remembers. Words a second are words of the text, known or not."""
    history = model.history
    read = history.get("read_tokens", history["known_tokens"])
    raw = (history["tokens"] - history["resumed"]) * history["corpus_tokens"] / max(1, read)
    return {
        "recipe": model.recipe["model"],
        "tokens": history["corpus_tokens"],
        "known_tokens": history["known_tokens"],
        "vocabulary": len(model.words),
        "dim": model.dim,
        "seconds": history["seconds"],
        "words_per_second": raw / max(1e-9, history["seconds"]["train"]),
        "loss": history["loss"],
        "heldout": history["heldout"],
        "accuracy": history.get("accuracy", []),
        "out": None if out is None else str(out),
    }
