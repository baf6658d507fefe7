"""Networks that read words in context: how they go on with a text, how well they foresee one, what they guess behind a
mask, and what it changes that input and output share a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.api.models import Model, check_place, keep, opened, refuse_foreign
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.isotropy import Kind as Isotropy
    from wordfield.models.sequence.contextual import ContextualModel
    from wordfield.models.sequence.language_model import LanguageModel
    from wordfield.models.sequence.masked_language_model import MaskedLanguageModel
    from wordfield.text.corpus import Corpus

FREQUENT = 1000
"""Words among which those are told whose occurrences are most apart."""


def generate(
    model: Model,
    text: str = "",
    tokens: int = 50,
    *,
    temperature: float = 0.8,
    top: float = 0.95,
    k: int = 5,
    seed: int = 1,
) -> dict[str, Any]:
    """How a language model goes on with ``text``: the whole text, and under ``next`` the ``k`` tokens that it thinks
    most probable right after, with their probabilities. See ``LanguageModel.generate``. ``ValueError`` for a model
    without a network that can be run.
    """
    network = language_model(model)
    told = network.generate(text, tokens, temperature=temperature, top=top, seed=seed)
    return {"text": told, "next": network.next(text, k)}


def perplexity(model: Model, corpus: Corpus | Any, *, progress: Progress = silent) -> dict[str, Any]:
    """How well a language model foresees ``corpus``, or what one is made of: tokens, loss (nats, their mean),
    perplexity and bits_per_byte, which compares models of different tokens. See ``LanguageModel.surprise``. Of an ELMo
    these are of the mean of both its models' losses, and ``forwards`` and ``backwards`` their perplexities.
    """
    from wordfield.models.sequence.bidirectional_language_model import BidirectionalLanguageModel
    from wordfield.models.sequence.language_model import Surprise

    read = opened(model)
    found: Any = (read if isinstance(read, BidirectionalLanguageModel) else language_model(model)).surprise(
        corpus, progress
    )
    if isinstance(found, Surprise):
        return {**found._asdict(), "perplexity": found.perplexity}
    both = Surprise(found.forwards.tokens, *(sum(each) / 2 for each in zip(*(way[1:] for way in found), strict=True)))
    ways = {"forwards": found.forwards.perplexity, "backwards": found.backwards.perplexity}
    return {**both._asdict(), "perplexity": both.perplexity, **ways}


def fill(model: Model, text: str, k: int = 5) -> list[list[tuple[str, float]]]:
    """For each ``[MASK]`` in ``text`` the ``k`` tokens that a masked language model thinks most probable there, with
    their probabilities. ``ValueError`` for a text without one, and for another model.
    """
    return masked_language_model(model).fill(text, k)


def masked_accuracy(
    model: Model, corpus: Corpus | Any, *, share: float = 0.15, seed: int = 1, progress: Progress = silent
) -> dict[str, Any]:
    """How well a masked language model guesses whole words that are taken out of ``corpus``, or what one is made of, a
    ``share`` of the tokens: tokens (how many it had to guess), accuracy and loss (nats, their mean). See
    ``MaskedLanguageModel.guess``.
    """
    return masked_language_model(model).guess(corpus, share, seed, progress)._asdict()


def average(
    model: Model,
    corpus: Corpus | Any,
    out: str | Path,
    *,
    contexts: int = 20,
    min_count: int = 5,
    max_vocab: int | None = None,
    layer: int | Sequence[int] | None = None,
    isotropy: Isotropy | None = None,
    k: int = 10,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Static vectors from a network: write to ``out`` the mean of each word's vectors over ``contexts`` occurrences in
    ``corpus``. See ``wordfield.models.sequence.averaging.average``. ``isotropy``: all-but-the-top or whitening of the
    means, see ``wordfield.isotropy``.

    Returns words, dim, occurrences, out, ``unlike`` (1 less the mean cosine of occurrences of any words), and of the
    1,000 most frequent words the ``k`` whose occurrences are most apart, ``apart``, and the ``k`` most alike,
    ``alike``: pairs of word and spread.
    """
    import numpy as np

    from wordfield import formats
    from wordfield import isotropy as isotropies
    from wordfield.models.sequence.averaging import average as averaged
    from wordfield.storage import Dense
    from wordfield.vectors import WordVectors

    refuse_foreign(Path(out), formats.format_of(out))
    network = contextual_model(model)
    options: dict[str, Any] = {"contexts": contexts, "min_count": min_count, "max_vocab": max_vocab, "layer": layer}
    found = averaged(network, corpus, progress=progress, **options)
    result = found.model
    if isotropy is not None:
        vectors = isotropies.Isotropy.fit(result.words.vectors, isotropy).apply(result.words.vectors)
        words = WordVectors(result.words.vocabulary, Dense(vectors))
        result = replace(result, words=words, recipe=result.recipe | {"isotropy": isotropy})
    keep(result, Path(out), formats.chosen(result.table(), out))
    names = result.words.vocabulary.words
    order = [row for row in np.argsort(-found.spread[:FREQUENT], kind="stable").tolist() if found.contexts[row] > 1]
    told = [(names[row], float(found.spread[row])) for row in order]
    return {
        "words": len(names),
        "dim": result.dim,
        "occurrences": int(found.contexts.sum()),
        "unlike": found.unlike,
        "apart": told[:k],
        "alike": told[::-1][:k],
        "out": str(out),
    }


def senses(
    model: Model,
    corpus: Corpus | Any,
    word: str,
    clusters: int | None = None,
    *,
    lines: int = 3,
    most: int = 200,
    layer: int | Sequence[int] = -1,
) -> dict[str, Any]:
    """The senses of ``word``, as far as a network tells them: its occurrences in ``corpus``, at most ``most``, put into
    ``clusters`` by their vectors; None: into 2 to 5, as many as are clearest apart by their silhouette (Rousseeuw
    1987).

    Returns word, occurrences, spread, silhouette (-1 to 1; None of one cluster), and ``senses``, the largest first,
    each of share and ``lines``: the ``lines`` nearest its middle, as words before, the word, words after. ``KeyError``
    for a word that does not occur.
    """
    from wordfield.evaluation.clustering import senses as clustered
    from wordfield.models.sequence.averaging import occurrences

    places, vectors = occurrences(contextual_model(model), corpus, word, most=most, layer=layer)
    found = clustered(vectors, clusters)
    told = []
    for members in found.clusters:
        near = [places[row] for row in members[:lines]]
        shown = [(" ".join(words[:at]), words[at], " ".join(words[at + 1 :])) for words, at in near]
        told.append({"share": len(members) / len(places), "lines": shown})
    kinds = {"spread": found.spread, "silhouette": found.silhouette}
    return {"word": word, "occurrences": len(places), **kinds, "senses": told}


def distil(
    model: Model,
    corpus: Corpus | Any,
    out: str | Path,
    dim: int = 256,
    *,
    rare: float = 1e-4,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make a network into a table of its tokens, which reads texts many times faster, and write it to ``out``:
    a folder that model2vec and sentence-transformers load, or what the name's ending says. How often tokens occur is
    counted in ``corpus``. See ``wordfield.models.sequence.distilling.distil``.

    Returns words, dim, tokens (counted), out.
    """
    from wordfield import formats
    from wordfield.models.sequence.distilling import distil as distilled

    name = formats.format_of(out)
    name = "static-embedding" if name == "native" else name
    refuse_foreign(Path(out), name)
    found = distilled(contextual_model(model), corpus, dim, rare=rare, progress=progress)
    keep(found, Path(out), name)
    counts = {"tokens": found.history["known_tokens"], "out": str(out)}
    return {"words": len(found.words), "dim": found.dim} | counts


def compare_tying(
    corpus: Corpus | Any,
    recipe: Any | None = None,
    *,
    validation: Corpus | Any | None = None,
    seeds: int = 1,
    plot: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a language model twice, with input and output table tied and each its own, from the same seed, on the same
    data, for as long, and compare: see ``wordfield.models.sequence.tying.compare``. ``seeds``: do so from so many
    seeds. ``plot``: also draw it, .png, .svg or .pdf.
    """
    from wordfield.models import recipe as recipe_class
    from wordfield.models.sequence import tying

    if plot is not None:
        from wordfield.plots import check_target

        check_place(check_target(plot))
    told = tying.compare(recipe or recipe_class("llm")(), corpus, validation=validation, seeds=seeds, progress=progress)
    if plot is not None:
        from wordfield.plots import tying as draw

        draw(told, plot)
    return told


def contextual_model(model: Model) -> ContextualModel:
    """The network itself, loaded if it is a path; ``ValueError`` for a model that reads no context."""
    from wordfield.models.sequence.contextual import ContextualModel

    read = opened(model)
    if not isinstance(read, ContextualModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no network that can be run here: one is "
            "trained by `wordfield train elmo`, `bert` or `llm`, or is an ELMo or a checkpoint of BERT, RoBERTa, "
            f"DistilBERT, ModernBERT or Llama{architecture(read)}"
        )
    return read


def architecture(model: Any) -> str:
    """Which other one a model's network has, to be told to people."""
    network = getattr(model, "network", None)
    return "" if network is None else f"; this is a {network.config.get('model_type')!r}"


def masked_language_model(model: Model) -> MaskedLanguageModel:
    """The masked language model itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.models.sequence.masked_language_model import MaskedLanguageModel

    read = opened(model)
    if not isinstance(read, MaskedLanguageModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no masked language model: one is trained "
            "by `wordfield train bert`, or a checkpoint in the layout of BERT, RoBERTa, DistilBERT or ModernBERT"
            f"{architecture(read)}"
        )
    return read


def language_model(model: Model) -> LanguageModel:
    """The language model itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.models.sequence.language_model import LanguageModel

    read = opened(model)
    if not isinstance(read, LanguageModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no language model that can be run here: "
            f"one is trained by `wordfield train llm`, or a checkpoint in the layout of Llama{architecture(read)}"
        )
    return read
