"""Networks that read words in context: how they go on with a text, how well they foresee one, what they guess behind a
mask, and what it changes that input and output share a table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.api.models import Model, check_place, opened
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.models.sequence.language_model import LanguageModel
    from wordfield.models.sequence.masked_language_model import MaskedLanguageModel
    from wordfield.text.corpus import Corpus


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
    perplexity and bits_per_byte, which compares models of different tokens. See ``LanguageModel.surprise``.
    """
    found = language_model(model).surprise(corpus, progress)
    return {**found._asdict(), "perplexity": found.perplexity}


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


def masked_language_model(model: Model) -> MaskedLanguageModel:
    """The masked language model itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.models.sequence.masked_language_model import MaskedLanguageModel

    read = opened(model)
    if not isinstance(read, MaskedLanguageModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no masked language model: one is trained "
            "by `wordfield train bert`, or a checkpoint in the layout of BERT, RoBERTa, DistilBERT or ModernBERT"
        )
    return read


def language_model(model: Model) -> LanguageModel:
    """The language model itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.models.sequence.language_model import LanguageModel

    read = opened(model)
    if not isinstance(read, LanguageModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no language model that can be run here: "
            "one is trained by `wordfield train llm`, or a checkpoint in the layout of Llama"
        )
    return read
