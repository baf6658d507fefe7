"""What commands take: each argument and option with its type and its help, said once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from wordfield.api.models import opened

if TYPE_CHECKING:
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled


def described(help: str, **options: Any) -> Parameter:
    """An argument or option with its help."""
    return Parameter(help=help, **options)


Model = Annotated[
    str, described("A trained model: a folder that `train` wrote, or vectors in any format that is read.")
]
TextModel = Annotated[
    str,
    described(
        "A trained model, or one behind an API: siliconflow:BAAI/bge-m3, openai:text-embedding-3-small, "
        "http://host:port/v1#model."
    ),
]
Searched = Annotated[
    str, described("A file of texts, a line each, .jsonl, .csv, .tsv or .parquet; or a collection that `collect` made.")
]
Questions = Annotated[list[str], described("Questions, or texts that others are to be like.")]
TopTexts = Annotated[int, described("How many texts to show.", name=["-k"])]
Where = Annotated[
    list[str] | None,
    described("Conditions on fields, which all must hold: lang=zh, 'year>=2000'.", consume_multiple=True, negative=()),
]
TextFiles = Annotated[
    list[str], described("Files of texts, a line each; or tables, .jsonl .csv .tsv .parquet, with other fields.")
]
Into = Annotated[str, described("The collection: a folder, or postgresql://user@host/database#name.")]
Collection = Annotated[str, described("A collection that `collect` made.")]
DocumentIds = Annotated[
    list[str] | None, described("Ids of texts; of a line its file and number, as `search` shows it.")
]
Served = Annotated[
    list[str],
    described("Models, each a path or the name of one behind an API; NAME=MODEL gives it the name it is asked for by."),
]
Host = Annotated[str, described("The address to listen at; 0.0.0.0: at all of this machine, for everybody near.")]
Port = Annotated[int, described("The port to listen at; 0: any that is free.")]
Queue = Annotated[int, described("Requests that may wait for a model; further ones are turned away with 429.")]
Asked = Annotated[
    Literal["query", "document"] | None,
    described("Of a model behind an API: whether the texts are questions, or answer them."),
]
Dimensions = Annotated[int | None, described("Of a model behind an API: numbers in a vector, where it can make fewer.")]
Truncate = Annotated[
    bool,
    described("Of a model behind an API: cut texts that are too long for it.", negative=(), show_default=False),
]
Forecast = Annotated[
    bool,
    described(
        "Of a model behind an API: ask nothing, tell how many texts are here already, and what the others would take.",
        negative=(),
        show_default=False,
    ),
]
Word = Annotated[str, described("A word of the vocabulary.")]
Policy = Literal["raise", "skip", "zero", "subword", "spelling", "rare"]
POLICY = (
    "What becomes of words that the model does not have: raise, an error; skip, they are left out; zero, zeros; "
    "subword, the mean of their n-grams or tokens; spelling, the most similar spelling, up to 2 letters away; rare, "
    "the mean of the 100 rarest words. Unset: subword, and where there are neither n-grams nor tokens "
)
AskedUnknown = Annotated[Policy | None, described(f"{POLICY}raise.")]
TextUnknown = Annotated[Policy | None, described(f"{POLICY}skip.")]
Side = Annotated[
    Literal["input", "output"],
    described("Of a network: the vectors that go in, or those by which it finds the next word."),
]
Untouched = Annotated[
    Literal["norm", "distance", "cosine"] | None,
    described(
        "Length of a row; distance, or cosine once the mean of all is taken off, to rows that nothing can have "
        "touched. Unset: distance; where the table is output, too, cosine; where there are no such rows, norm."
    ),
]
Models = Annotated[
    list[str], described("A trained model, as `train` wrote it or in another format; or several, to compare.")
]
CsvFile = Annotated[
    str | None,
    described("Write the scores to this CSV file; `-`: to stdout instead of the table.", allow_leading_hyphen=True),
]
MarkdownFile = Annotated[
    str | None, described("Write the table to this Markdown file; `-`: to stdout instead.", allow_leading_hyphen=True)
]
Course = Annotated[Path | None, described("Draw how the loss fell while the model was trained, .png, .svg or .pdf.")]
ScorePlot = Annotated[Path | None, described("Draw the scores with their intervals, .png, .svg or .pdf.")]
Described = Annotated[
    list[str],
    described("A model; or text: files, folders, globs or builtin:python-docs.", allow_leading_hyphen=True),
]
PhraseFile = Annotated[Path | None, described("Write them to this file, for `train --phrases FILE`.")]
Listed = Annotated[int, described("How many to show.", name=["-k"])]
Passes = Annotated[int, described("How many times over words are joined: 2 finds phrases of up to 4 words.")]
Score = Annotated[Literal["word2phrase", "npmi"], described("By what pairs are chosen.")]
Threshold = Annotated[float | None, described("What the score must exceed; unset: 100, npmi 0.5.", show_default=False)]
PairCount = Annotated[int, described("Leave out pairs that occur less often.")]
Delimiter = Annotated[str, described("What stands between joined words.")]
Vocabulary = Annotated[Path, described("The tokenizer.json to write.")]
Pieces = Annotated[int, described("Pieces in the vocabulary, at most.")]
PieceKind = Annotated[
    Literal["bpe", "unigram", "wordpiece"],
    described("Byte-pair encoding, a unigram language model, or WordPiece, as BERT has it."),
]
Lowered = Annotated[bool, described("Lower-case text.", negative=(), show_default=False)]
Field = Annotated[str | None, described("Tables (.jsonl .csv .tsv .parquet): the field that has the text.")]
Clear = Annotated[bool, described("Delete them.", negative=(), show_default=False)]
Words = Annotated[list[str], described("Words of the vocabulary.")]
OUT = (
    "A folder to write; or a file, of the format that the name's ending stands for: .bin .txt .vec .ftz .floret .fifu "
    ".kv .npy .safetensors .tsv."
)
Out = Annotated[Path, described(OUT)]
Trained = Annotated[Path | None, described(f"{OUT} Required, but for --dry-run.")]
DryRun = Annotated[
    bool,
    described(
        "Look at a sample, try for a moment, and tell the vocabulary, time and memory to expect.",
        negative=(),
        show_default=False,
    ),
]
Kept = Annotated[Path | None, described("Keep the trained model in this folder.")]
Json = Annotated[bool, described("Print one JSON object and nothing else.", negative=(), show_default=False)]
Reports = Annotated[bool | None, described("Report on stderr; unset: if it is a terminal.", show_default=False)]
IndexOut = Annotated[Path, described("The folder to write.")]
IndexIn = Annotated[
    Path | None, described("Find them by what `index` wrote here: sooner among very many words, and may miss some.")
]
Recall = Annotated[float, described("The share of the 10 nearest words to find; the more, the slower.")]
Kind = Annotated[
    Literal["float16", "int8", "float32"], described("How the index keeps numbers; the scores are the model's.")
]
Workers = Annotated[
    int | None, described("Threads; unset: all cores. One makes the same index each time.", show_default=False)
]
Nearest = Annotated[int, described("How many words to show.", name=["-k"])]
Files = Annotated[
    list[str],
    described(
        "Files, folders, globs, `-` (standard input) or builtin:python-docs. A line is a sentence.",
        allow_leading_hyphen=True,
    ),
]
Start = Annotated[str | None, described("Go on training this model, or start from these vectors.")]
Config = Annotated[Path | None, described("TOML file of options (min_count = 5); options given here win.")]
Chosen = Annotated[list[str] | None, described("Words of the vocabulary; none: all, if these are few.")]
Picture = Annotated[Path | None, described("Draw a heat map, .png, .svg or .pdf.")]
Method = Annotated[Literal["add", "mul"], described("3CosAdd or 3CosMul (Levy and Goldberg 2014).")]
Texts = Annotated[list[str] | None, described("Texts, one vector each.")]
Text = Annotated[str, described("A text.")]
Input = Annotated[
    str | None, described("Take each line of this file as a text; `-` is standard input.", allow_leading_hyphen=True)
]
Output = Annotated[Path | None, described("Write .npy (float32 matrix) or .jsonl; unset: JSON lines on stdout.")]
Quantize = Annotated[
    Literal["product", "int8", "float16"] | None,
    described("Keep rows as codes: bytes for parts of a row, or numbers of 8 or 16 bits."),
]
Part = Annotated[int, described("product: numbers of a row that share a byte.")]
Norms = Annotated[
    bool, described("product: the length of a row apart, in a byte of its own.", negative=(), show_default=False)
]
LabelsToo = Annotated[bool, described("Of a classifier: the vectors of labels, too.", negative=(), show_default=False)]
MaxWords = Annotated[int | None, described("Keep this many most frequent words.")]
MaxNgrams = Annotated[int | None, described("Keep this many n-grams, those with the longest vectors.")]
Repair = Annotated[
    bool,
    described("Leave out what is damaged in the file, or stands twice, and say what.", negative=(), show_default=False),
]
Compared = Annotated[
    list[str] | None,
    described("Score both on these files or folders, as `evaluate` does.", consume_multiple=True),
]
FormatName = Literal[
    "native",
    "finalfusion",
    "static-embedding",
    "checkpoint",
    "elmo",
    "elmo-many-langs",
    "numpy",
    "safetensors",
    "projector",
    "fasttext",
    "floret",
    "gensim",
    "spacy",
    "sparse-text",
    "word2vec-text",
    "word2vec-binary",
    "glove-text",
    "glove-binary",
]
Format = Annotated[FormatName | None, described("What to write; unset: by the ending of the name.")]
SourceFormat = Annotated[
    FormatName | None, described("What the file to read is; unset: what its content shows.", show_default=False)
]
Data = Annotated[
    list[str] | None,
    described(
        "Files or folders of word pairs, analogies, categories, outliers, associations, words in contexts or pairs of "
        "sentences, as they were published, or names that `datasets` lists; unset: $WORDFIELD_DATA.",
        consume_multiple=True,
        negative=(),
    ),
]
Suite = Annotated[
    Literal["similarity", "analogy", "categories", "outliers", "association", "context", "sentences", "classification"]
    | None,
    described("Only this task; unset: all that the files hold, of a classifier classification."),
]
Classified = Annotated[list[str] | None, described("Texts to find labels for.")]
MostLabels = Annotated[int, described("How many labels to give a text, at most.", name=["-k"])]
AtLeast = Annotated[float, described("Leave out labels less probable than this.")]
LabelField = Annotated[str | None, described("Tables: the field that has the labels, of a classifier's texts.")]
Trials = Annotated[int | None, described("Trials, with those in the log; unset, and no --minutes: 20.")]
Minutes = Annotated[float | None, described("Stop when these are over, the last training included.")]
Metric = Annotated[
    str | None,
    described(
        "Classifiers: f1 (unset), f1:LABEL, macro-f1, precision@1 (or accuracy), precision-at-recall:30[:LABEL] and "
        "recall-at-precision:30[:LABEL]. Words: a task or a set of --data; unset: the mean of all, without --data "
        "heldout, the loss on text kept aside."
    ),
]
Validation = Annotated[
    list[str] | None,
    described(
        "Classifiers: labelled text to score on; unset: a share of the corpus.", consume_multiple=True, negative=()
    ),
]
HeldOut = Annotated[
    list[str] | None,
    described(
        "Text to measure the held-out loss on; unset: a share of the corpus.", consume_multiple=True, negative=()
    ),
]
NotAsked = Annotated[list[str] | None, Parameter(parse=False)]
Share = Annotated[float, described("Share of the corpus to score on, without --validation.")]
ScoredOn = Annotated[
    list[str] | None,
    described("Words: files or folders of word pairs and analogies to score on.", consume_multiple=True, negative=()),
]
Ranges = Annotated[
    list[str] | None,
    described(
        "FIELD=5..50 or FIELD=5,10,20: what to try of a field, perhaps of several. Where the end is ten times the "
        "start or more, ratios count.",
        name=["--tune"],
        consume_multiple=True,
        negative=(),
    ),
]
Fixed = Annotated[
    list[str] | None,
    described(
        "Fields that stay as they are, besides those given as options.",
        name=["--fix"],
        consume_multiple=True,
        negative=(),
    ),
]
MaxSize = Annotated[
    str | None, described("Classifiers: bytes that the model may take, 2M or 500K; it is compressed for it.")
]
Journal = Annotated[
    Path | None, described("Note trials in this file, JSON lines; with the same one a search goes on.", name=["--log"])
]
SetNames = Annotated[list[str] | None, described("Names of sets, or all; none: list all.")]
Fetch = Annotated[bool, described("Download those that are not on this machine yet.", negative=(), show_default=False)]
Onto = Annotated[str, described("The model onto whose space it is turned.")]
Aligned = Annotated[Path | None, described("Where to write the turned model, as `train` does; unset: only report.")]
Dictionary = Annotated[
    Path | None,
    described("Pairs to turn by: a word of A, a tab and one of B a line; unset: frequent words that both spell alike."),
]
TestPairs = Annotated[
    Path | None, described("Pairs to judge the rotation by; unset: a tenth of those to turn by, kept out of it.")
]
SharedWords = Annotated[int, described("Without --pairs: how many of the words that both spell alike are taken.")]
Centered = Annotated[
    bool, described("Take the mean vector off before the rotation is sought.", negative=(), show_default=False)
]
Refinements = Annotated[int, described("Seek the rotation again from words that are each other's nearest, so often.")]
Seed = Annotated[int, described("Of the choice of pairs that are kept out.")]
OtherModel = Annotated[str | None, described("Another model, to compare with.")]
Among = Annotated[int, described("Look at this many most frequent words only; 0: all.", name=["--restrict-vocab"])]
AskedWords = Annotated[int, described("Compare the neighbours of so many words; 0: of all.", name=["--words"])]
Near = Annotated[int, described("How many neighbours of a word count.", name=["-k"])]
Restrict = Annotated[int, described("Answer analogies among this many most frequent words; 0: all.")]


Multiplied = Annotated[
    Literal["auto", "float32", "bfloat16"] | None,
    described("Of a network: what matrices are multiplied in; auto: bfloat16 where the processor has such arithmetic."),
]
Contexts = Annotated[int, described("Over how many occurrences of each word the mean is taken, at most.")]
Least = Annotated[int, described("Leave out words that occur less often.")]
MostWords = Annotated[int | None, described("Keep only this many of the most frequent words.")]
Layers = Annotated[
    list[int] | None,
    described(
        "0 is what goes into the first layer, 1 what comes out of it, -1 the last; of several the mean. Unset: of "
        "senses the last, of average the lower half."
    ),
]
Isotropic = Annotated[
    Literal["all-but-the-top", "whitening"] | None,
    described("Make vectors of a narrow cone point in all directions, in one of two ways."),
]
Sought = Annotated[str, described("A word of the text.")]
Clusters = Annotated[int | None, described("How many senses; unset: as many of 2 to 5 as are clearest apart.")]
Shown = Annotated[int, described("Lines that are shown of each sense.")]
Occurring = Annotated[int, described("Occurrences that are looked at, at most.")]
Components = Annotated[int, described("Numbers in a token's vector, at most: principal components.")]
Rare = Annotated[float, described("The probability of a token that counts half; more frequent ones count less.")]
Masked = Annotated[str, described("A text with [MASK] where a token is to be guessed.")]
TakenOut = Annotated[float, described("The share of the tokens that is taken out, above 0 and below 1.")]
Prompt = Annotated[str, described("The text to go on with; none: the beginning of a sentence.")]
TokenCount = Annotated[int, described("How many tokens to go on for.")]
Temperature = Annotated[float, described("0: always the most probable token; 1: drawn as the model thinks.")]
Top = Annotated[float, described("Draw only from the most probable tokens that together have this share.")]
Likeliest = Annotated[int, described("How many of the most probable next tokens to show.", name=["-k"])]
Sampled = Annotated[int, described("Of what is drawn.")]
Seeds = Annotated[int, described("Train both from so many seeds.")]
TyingPlot = Annotated[Path | None, described("Draw the comparison, .png, .svg or .pdf.")]


@dataclass(frozen=True)
class Reading:
    """How text becomes words: the options of every command that reads a corpus."""

    tokenizer: str | None = None
    """words (letters and digits), whitespace, chinese (jieba's cuts), characters (scripts without spaces), or a file: a
    tokenizer.json, a SentencePiece model; unset: words, or that of the model to go on from."""
    lowercase: bool | None = None
    """Lower-case words; unset: all but `whitespace` and subwords do."""
    nfkc: bool | None = None
    """Narrow full-width letters, split ligatures (Unicode's NFKC); unset: `chinese` and `characters` do."""
    script: Literal["simplified", "traditional"] | None = None
    """Convert Chinese into one script first."""
    dictionary: Path | None = None
    """`chinese`: a file of words to know besides jieba's own, `word [frequency [tag]]` a line."""
    phrases: str = "0"
    """Join words that often stand together, new_york: how many times over, or a file that `wordfield phrases` wrote."""
    field: str | None = None
    """Tables (.jsonl .csv .tsv .parquet): the field that has the text; unset: text."""
    strict: bool = False
    """Refuse text that is not UTF-8; else it is replaced and counted."""
    cache: bool = True
    """Keep what was read for the next time, and use what was kept; see `wordfield cache`."""

    def corpus(self, names: list[str], start: str | None = None) -> Corpus:
        """The corpus of these files, cut as the model ``start`` says unless ``tokenizer`` says otherwise."""
        from wordfield.text.corpus import Corpus

        usual = None if start is None else opened(start).tokenizer
        options = {name: getattr(self, name) for name in ("lowercase", "nfkc", "field", "strict", "cache")}
        phrases = int(self.phrases) if self.phrases.isdecimal() else self.phrases
        script, dictionary = self.script or "", self.dictionary or ()
        return Corpus.files(
            names, tokenizer=self.tokenizer or usual, script=script, dictionary=dictionary, phrases=phrases, **options
        )


@dataclass(frozen=True)
class LabelledReading(Reading):
    """How labelled text is read: a corpus, and where its labels are."""

    label_field: str | None = None
    """Tables (.jsonl .csv .tsv .parquet): the field that has the label, or a list of them; unset: labels stand in the
    text."""

    def labelled(self, names: list[str], start: str | None = None) -> Labelled:
        """The labelled text of these files."""
        from wordfield.text.labelled import Labelled

        return Labelled(self.corpus(names, start), label_field=self.label_field)


Readings = Annotated[Reading, Parameter(name="*", group="Corpus")]
LabelledReadings = Annotated[LabelledReading, Parameter(name="*", group="Corpus")]
USUAL = Reading()
