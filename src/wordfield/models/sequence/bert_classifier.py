"""Labels of texts from a transformer that was trained to guess masked words, and is trained on a little.

After Devlin, Chang, Lee and Toutanova (2019, arXiv 1810.04805), section 4.1: the whole network goes on learning, with a
new layer above that makes of a text's state the scores of its labels. E texts, L labels, T tokens.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Network
from wordfield.models.checks import check
from wordfield.models.sequence import missing
from wordfield.models.sequence.contextual import ContextualModel
from wordfield.models.sequence.encoder_model import EncoderModel
from wordfield.models.sequence.encoding import Encoding
from wordfield.models.sequence.recipe import Run
from wordfield.models.sequence.sequence_classifier import MULTI, SequenceClassifier
from wordfield.models.sequence.specials import Specials
from wordfield.models.sequence.streams import Stream
from wordfield.models.sequence.tokens import Tokens, chosen, found
from wordfield.progress import Progress, silent
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.labelled import Labelled, Marks
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.labelling import Labeller, Labelling

log = logging.getLogger(__name__)

FAMILIES = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert", "modernbert": "ModernBert"}
"""How the classes of transformers begin, by the model_type of a config.json."""


@dataclass(frozen=True)
class BERTClassifier(Encoding):
    """Labels of texts, by a transformer that goes on from a masked language model, or begins with the texts alone."""

    MODEL = "bert-classifier"

    loss: Literal["softmax", "one-vs-all"] = "softmax"
    """Softmax; or each label for itself (several labels a text)."""
    label_prefix: str = "__label__"
    """What a word begins with that is a label; empty: none is, labels are given apart."""
    label_place: Literal["anywhere", "front"] = "anywhere"
    """Where such words are labels: anywhere in a line, or only at its front."""
    min_label_count: int = 1
    """Leave out labels that fewer texts have."""
    epochs: int = 5
    """Passes over the texts."""
    learning_rate: float = 3e-4
    """Step size at its highest; large networks need less, 5e-5, and one that begins with the texts more, 1e-3."""
    warmup: float = 0.1
    """Share of the training in which the learning rate rises."""
    dropout: float = 0.1
    """Share of numbers set to zero at random while training."""
    heldout: float = 0.0
    """Share of the texts kept aside to measure the loss on, where none are given for it."""

    def __post_init__(self) -> None:
        check(
            self, {"min_label_count": 1}, {"loss": ("softmax", "one-vs-all"), "label_place": ("anywhere", "front")}, {}
        )
        super().__post_init__()

    def fit(
        self,
        corpus: Labelled | Any,
        progress: Progress = silent,
        start: ContextualModel | None = None,
        validation: Labelled | Any | None = None,
        checkpoint: Callable[[Any], None] | None = None,
    ) -> SequenceClassifier:
        """Train on labelled text, or what one is made of: see `Labelled`. Texts without a label are left out, and of
        those longer than the context the beginning counts, both with a warning.

        ``start``: a masked language model, or another classifier, whose network and tokens are taken; one whose
        training was interrupted goes on where it stopped, if recipe and texts are the same. Without it everything is
        learnt from the texts. ``validation``: labelled text to measure the loss on, instead of a share of the texts.

        ``ValueError`` if no text has a label. ``KeyboardInterrupt``, and ``FloatingPointError`` where the loss is no
        number, carry what was learnt so far as their ``partial``.
        """
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise missing(error) from error
        if start is not None and not isinstance(start, EncoderModel):
            raise ValueError("a classifier goes on from an encoder only, as `train bert` gives one: give one, or none")
        begun, plan = time.perf_counter(), self.plan()
        texts = corpus if isinstance(corpus, Labelled) else Labelled(corpus)
        pairs, labels = self._frequent(texts)
        tokens = self._tokens(texts, [text for text, _ in pairs]) if start is None else start.tokens
        network = self.labeller(tokens, labels, start)
        kept, aside = self._split(pairs, validation)
        read = partial(self._examples, tokens, labels)
        examples, held = read(kept), read(aside) if aside else None
        run = Run(
            self,
            plan,
            network,
            examples,
            start,
            progress,
            made=lambda told, state: self._made(network, tokens, labels, start, told, state),
            measure=None if held is None else lambda: held.measured(network),
            checkpoint=checkpoint,
        )
        sizes = {"corpus_tokens": examples.read, "known_tokens": examples.read}
        run.told = {"corpus": texts.name, "texts": len(kept), **sizes}
        made: SequenceClassifier = run.result(time.perf_counter() - begun)
        return made

    def network(self, tokens: Tokens) -> Labeller:
        """The network for these tokens and two labels, as it is before training."""
        return self.labeller(tokens, ["a", "b"], None)

    def examples(self, stream: Stream, tokens: Tokens) -> Labelling:
        """Stretches of a stream as texts of one label."""
        from wordfield.models.sequence.labelling import Labelling

        del tokens
        firsts = range(0, max(1, len(stream) - self.context + 1), self.context)
        rows = [stream.read(first, first + self.context).tolist() for first in firsts]
        return Labelling(rows, [[0]] * len(rows), 2, self.batch, self.seed)

    def labeller(self, tokens: Tokens, labels: Sequence[str], start: EncoderModel | None) -> Labeller:
        """The network with a head for these labels: that of ``start`` below it, or a new one."""
        import torch

        from wordfield.models.sequence.encoder import Encoder
        from wordfield.models.sequence.labelling import Labeller

        below = None if start is None else start.encoder
        shape = self.shape(len(tokens.vocabulary)) if below is None else below.shape
        pooled = "mean" if shape.style == "modern" else "first"
        squeezed = "gelu" if shape.style == "modern" else shape.squeezed
        made = Encoder(replace(shape, head=False, tied=True, labels=len(labels), pooled=pooled, squeezed=squeezed))
        made.begin(torch.Generator().manual_seed(self.seed))
        if below is not None:
            there = dict(below.named_parameters())
            known = isinstance(start, SequenceClassifier) and start.labels == [*labels]
            with torch.no_grad():
                for name, parameter in made.named_parameters():
                    if name in there and (known or not name.startswith("classifier.")):
                        parameter.copy_(there[name])
        return Labeller(made, self.loss == "one-vs-all")

    def _frequent(self, texts: Labelled) -> tuple[list[tuple[str, list[str]]], list[str]]:
        """The texts with a label that enough of them have, and these labels, most frequent first."""
        marks = Marks.of(self.label_prefix, self.label_place, texts.cutter)
        pairs = [*texts.texts(marks)]
        counts = Counter(label for _, some in pairs for label in dict.fromkeys(some))
        labels = [label for label, count in counts.most_common() if count >= self.min_label_count]
        known = {*labels}
        found = [(text, [label for label in dict.fromkeys(some) if label in known]) for text, some in pairs]
        found = [pair for pair in found if pair[1]]
        if not found:
            raise ValueError(
                f"{texts.name}: no text has a label that {self.min_label_count} of them have: words that begin with "
                f"{self.label_prefix!r} are labels, or what a table has in the field that label_field names"
            )
        if len(found) < len(pairs):
            log.warning("%d of %d texts have no label: they are left out", len(pairs) - len(found), len(pairs))
        return found, labels

    def _tokens(self, texts: Labelled, given: Sequence[str]) -> Tokens:
        """Those that are learnt from the texts, or that their owner says."""
        corpus = Corpus(given)
        corpus = corpus if texts.corpus.uncut else corpus.cut_by(texts.cutter)
        with chosen(corpus, self.pieces, self.READING).scan() as scan:
            return found(scan, self.min_count, self.max_vocab, self.READING)

    def _split(
        self, pairs: list[tuple[str, list[str]]], validation: Labelled | Any | None
    ) -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]:
        """The texts to learn from, and those that the loss is measured on."""
        if validation is not None:
            aside = validation if isinstance(validation, Labelled) else Labelled(validation)
            return pairs, self._frequent(aside)[0]
        count = min(round(self.heldout * len(pairs)), len(pairs) - 1)
        count = max(count, 1) if self.heldout and len(pairs) > 1 else 0
        order = np.random.default_rng(self.seed).permutation(len(pairs)).tolist()
        return [pairs[place] for place in sorted(order[count:])], [pairs[place] for place in sorted(order[:count])]

    def _examples(self, tokens: Tokens, labels: Sequence[str], pairs: Sequence[tuple[str, list[str]]]) -> Labelling:
        from wordfield.models.sequence.labelling import Labelling

        specials, number = Specials.of(tokens.vocabulary.words, {}), {label: row for row, label in enumerate(labels)}
        rows = [tokens.rows(text) for text, _ in pairs]
        long = sum(len(each) > self.context - 2 for each in rows)
        if long:
            log.warning(
                "%d of %d texts are longer than context=%d: their beginnings count", long, len(rows), self.context
            )
        read = [[specials.begin, *each[: self.context - 2], specials.end] for each in rows]
        wanted = [[number[label] for label in some if label in number] for _, some in pairs]
        there = [place for place, some in enumerate(wanted) if some]
        return Labelling([read[p] for p in there], [wanted[p] for p in there], len(labels), self.batch, self.seed)

    def _made(
        self,
        network: Labeller,
        tokens: Tokens,
        labels: Sequence[str],
        start: EncoderModel | None,
        told: dict[str, Any],
        state: dict[str, NDArray[Any]],
    ) -> SequenceClassifier:
        """The model as trained so far."""
        from wordfield.models.sequence import layouts
        from wordfield.models.sequence.layouts import bert, modernbert

        encoder = network.encoder
        if start is None:
            layout = bert if encoder.shape.style == "classic" else modernbert
            config = layout.config(encoder.shape, Specials.of(tokens.vocabulary.words, {}))
        else:
            config = {**start.network.config}
        config |= {
            "architectures": [f"{FAMILIES[config['model_type']]}ForSequenceClassification"],
            "id2label": {str(row): label for row, label in enumerate(labels)},
            "label2id": {label: row for row, label in enumerate(labels)},
            "problem_type": MULTI if self.loss == "one-vs-all" else "single_label_classification",
        }
        config |= {"classifier_pooling": encoder.shape.pooled} if config["model_type"] == "modernbert" else {}
        tensors = layouts.tensors(encoder, config)
        names = layouts.LAYOUTS[config["model_type"]].names(config)
        words = WordVectors(tokens.vocabulary, Dense(tensors[f"{names.prefix}{names.base['table']}"]))
        return SequenceClassifier(words, tokens.tokenizer, Network(config, tensors), self.described(), told, state)
