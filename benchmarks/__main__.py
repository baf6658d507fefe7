"""The command ``python -m benchmarks``: measure, print, record; or print a record as Markdown."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import bilms, corpora, encoders, language_models, opening, queries, report, serving, startup
from benchmarks.measure import Failed, commit, machine
from benchmarks.plan import measurements
from benchmarks.quality import RESTRICT_VOCAB, SETS, sets_there
from benchmarks.running import Run, tell

RESULTS = Path(__file__).parent / "results"
NAMES = (*(measurement.name for measurement in measurements(2, 5)), "opening", "queries")
NAMES += ("language-models", "encoders", "elmo", "serving", "startup")


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description="wordfield beside its peers, in one run")
    parser.add_argument(
        "--corpus", type=Path, help="plain text, a sentence a line [corpora/enwiki100m.txt in the data]"
    )
    parser.add_argument(
        "--chinese", type=Path, help="Chinese text, a sentence a line [corpora/zhwiki50m.txt in the data]"
    )
    parser.add_argument("--sample", type=int, metavar="BYTES", help="only the first part of each corpus")
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, metavar="NAME", default=NAMES, help=f"of {', '.join(NAMES)}"
    )
    for name, default in (("dim", 100), ("window", 5), ("negatives", 5), ("min-count", 5)):
        parser.add_argument(f"--{name}", type=int, default=default, help="[%(default)s]")
    parser.add_argument("--subsample", type=float, default=1e-4, help="[%(default)s]")
    for name, default in (("epochs", 5), ("threads", 2), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default, help="[%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="of what takes seconds, to take the median [%(default)s]")
    parser.add_argument("--out", type=Path, help="where the figures go [benchmarks/results/DATE-COMMIT.json]")
    parser.add_argument("--table", type=Path, metavar="RESULT", help="measure nothing: print a record as Markdown")
    parser.add_argument("--zh", action="store_true", help="with --table: in Chinese")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    if options.table:
        print(report.markdown(json.loads(options.table.read_text("utf-8")), "zh" if options.zh else "en"), end="")
        return 0
    corpus = options.corpus or corpora.default_corpus()
    if not corpus.is_file():
        tell(f"no corpus at {corpus}: give one with --corpus, or the folder that has it as WORDFIELD_DATA")
        return 1
    try:
        result = measured(corpus.resolve(), (options.chinese or corpora.default_chinese()).resolve(), options)
    except Failed as failure:
        tell(f"wordfield failed: {failure}")
        return 1
    report.show(result)
    tell(f"written to {written(result, options.out)}")
    return 0


def measured(corpus: Path, chinese: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All that was asked for, as it is recorded."""
    names = ("dim", "window", "negatives", "subsample", "min_count", "epochs", "threads", "seed")
    settings = {name: getattr(options, name) for name in names}
    about = commit() | {"machine": machine()}  # before anything runs: the load is that of others
    with tempfile.TemporaryDirectory(prefix="wordfield-benchmarks-") as name:
        folder = Path(name)
        texts = {language: text for language, text in zip(SETS, (corpus, chinese), strict=True) if text.is_file()}
        if corpora.labelled().is_file():
            texts["cooking"] = corpora.labelled()
        if options.sample:
            texts = {
                language: corpora.head(text, options.sample, folder / f"{language}.txt")
                for language, text in texts.items()
            }
        run = Run(texts, settings, folder, options.runs)
        run.skipped += [
            {"what": name, "reason": f"{file} is not in the data folder"}
            for language, files in SETS.items()
            for name, file in files.items()
            if name not in sets_there(language)
        ]
        plans = [plan for plan in measurements(options.threads, options.min_count) if plan.name in options.only]
        done = [run.measure(plan) for plan in plans]
        if "opening" in options.only:
            done.append(opening.measured(folder, options.runs, options.sample is not None))
        if "queries" in options.only:
            tell("queries ...")
            questions = corpora.data_folder() / "analogy" / "google.txt"
            asked, missing = queries.measured(texts["english"], questions, bool(options.sample), options.runs, settings)
            done, run.skipped = [*done, *asked], [*run.skipped, *missing]
        sample = options.sample is not None
        others: dict[str, tuple[Callable[[], Any], str]] = {
            "language-models": (lambda: language_models.measured(texts["english"], sample, settings), "torch"),
            "encoders": (
                lambda: encoders.measured(texts["english"], sample, settings, folder),
                "torch or transformers, or no tokenizer",
            ),
            "elmo": (lambda: bilms.measured(texts["english"], sample, settings), "torch"),
            "serving": (
                lambda: serving.measured(texts["english"], sample, folder),
                "fastapi, sentence_transformers, starlette or uvicorn, or no tokenizer",
            ),
        }
        for other in (name for name in others if name in options.only):
            measure, needed = others[other]
            if found := measure():
                done += found if isinstance(found, list) else [found]
            else:
                run.skipped.append({"what": other, "reason": f"not installed: no module {needed}"})
        if "startup" in options.only:
            tell("startup ...")
            done.append({"name": "startup", "base": None, "rows": startup.measured(folder, options.runs), "ratios": []})
        sizes = {language: text.stat().st_size for language, text in texts.items()}
    described = {"corpus": corpus.name, "bytes": sizes["english"]}
    if "chinese" in sizes:
        described["chinese"] = {"corpus": chinese.name, "bytes": sizes["chinese"]}
    described |= {"sample": options.sample, "restrict_vocab": RESTRICT_VOCAB}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        **about,
        "settings": described | settings,
        "measurements": done,
        "skipped": run.skipped,
    }


def written(result: dict[str, Any], out: Path | None) -> Path:
    """Where the record is: at ``out``, else named by date and commit, and never over another."""
    if out is None:
        sample = f"-sample{result['settings']['sample']}" if result["settings"]["sample"] else ""
        stem, number = f"{result['date']}-{result['commit']}{sample}", 1
        out = RESULTS / f"{stem}.json"
        while out.exists():
            number += 1
            out = RESULTS / f"{stem}-{number}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f"{out.name}.partial")
    beside.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return beside.replace(out)


if __name__ == "__main__":
    sys.exit(main())
