"""The command line: reads arguments, calls the function of ``api`` of the same name, prints what it returns.

Results go to stdout; progress, warnings and one line ``error: ...`` to stderr. Exit status: 0 done, 1 error, 2 usage,
130 Ctrl-C, 141 nobody reads our output any more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import get_args

from cyclopts import App, CoercionError, CycloptsError, Token, UnknownOptionError
from cyclopts.argument import Argument, ArgumentCollection
from cyclopts.config import Dict as Settings

from wordfield import __version__
from wordfield.cli.asking import analogy, embed, index, matrix, neighbors, predict, similarity, tokens
from wordfield.cli.corpora import cache, phrases, subwords
from wordfield.cli.documents import collect, remove, search
from wordfield.cli.learning import demo, training, tuning
from wordfield.cli.measuring import align, datasets, evaluate, neighborhoods
from wordfield.cli.models import convert, info, undertrained
from wordfield.cli.sequences import (
    COMPARED,
    average,
    comparing,
    distil,
    fill,
    generate,
    masked_accuracy,
    perplexity,
    senses,
)
from wordfield.cli.services import usage
from wordfield.cli.serving import serve
from wordfield.models import LINEAGE
from wordfield.models import recipe as recipe_class
from wordfield.terminal import Help, one_interrupt, warning
from wordfield.tuning.spaces import SPACES

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
    "search": search,
    "collect": collect,
    "remove": remove,
    "predict": predict,
    "generate": generate,
    "perplexity": perplexity,
    "fill": fill,
    "masked-accuracy": masked_accuracy,
    "average": average,
    "senses": senses,
    "distil": distil,
    "compare-tying": None,  # its options are those of a recipe
    "convert": convert,
    "evaluate": evaluate,
    "align": align,
    "neighborhoods": neighborhoods,
    "datasets": datasets,
    "undertrained": undertrained,
    "cache": cache,
    "usage": usage,
    "serve": serve,
}

RECIPES = (["train"], ["tune"], ["compare-tying"])
"""Commands that take the fields of a recipe as options."""


def application(recipes: bool = True) -> App:
    """All commands. Those that take a recipe import it: ``recipes=False`` leaves them out, to start at once."""
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
    groups = {"train": train, "tune": tune, "compare-tying": App("compare-tying", help=COMPARED)}
    for place, (name, function) in enumerate(COMMANDS.items()):
        app.command(function, name=name, sort_key=place) if function else app.command(groups[name])
    if recipes:
        groups["compare-tying"].default(comparing())
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
        status = guarded(lambda: application(recipes=arguments[:1] in RECIPES)(arguments))
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
