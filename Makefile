# make demo    train Word2Vec on the documentation inside your own Python, and look at neighbours
# make test    all tests, then once more with the compiler off, covering every kernel line
# make check   format, rules, types, layers, and make test
# make peers   the tests that load and write files with other tools (installs spaCy and others: about 250 MB more)
# make bench   speed and quality beside the peers, in one run
#
# The first run creates .venv with the versions of constraints.txt; later runs install only what has changed.

PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin
PIP    := $(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test jit-off peers check format docs bench clean

demo: $(VENV)/base.stamp
	@$(RUN)/wordfield demo

# Files of tests in the order of their names, each wholly in one process, so that what its tests share is made once.
TWO := -n 2 --dist loadfile --no-loadscope-reorder

# Tests start some hundred processes: what Python compiles is kept for the next, whatever the environment says.
test jit-off: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/dev.stamp
	$(RUN)/python -m pytest $(TWO) -rs
	@$(MAKE) --no-print-directory jit-off

# Machine code hides lines from coverage, so the kernels run a second time as plain Python, which minds every index.
# Left out are tests that run none; those of models, which learn for long until it shows, where tests/test_contract.py
# trains every model a little; and those of the command line, which is tests/test_api.py with words around it.
COMPILED := datasets models documents server test_architecture.py test_benchmarks.py test_cli.py test_docs.py test_documents.py test_examples.py test_plots.py test_services.py

jit-off: $(VENV)/dev.stamp
	$(RUN)/coverage erase
	NUMBA_DISABLE_JIT=1 $(RUN)/coverage run -m pytest $(TWO) -rs $(COMPILED:%=--ignore=tests/%)
	$(RUN)/coverage combine --quiet
	$(RUN)/coverage report

peers: $(VENV)/peers.stamp
	$(RUN)/python -m pytest -rs -m peers

check: $(VENV)/dev.stamp
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	@$(MAKE) --no-print-directory test

format: $(VENV)/dev.stamp
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: $(VENV)/base.stamp
	$(RUN)/python docs/make_cli.py

bench: $(VENV)/dev.stamp
	$(RUN)/python -m benchmarks

clean:
	rm -rf $(VENV) .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist

# Stamps remember what was installed from which files. A source file that changes needs no installation: the package is editable.
$(VENV)/base.stamp: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "installing wordfield into $(VENV) (about 120 MB, once)"
	@$(PIP) -e .
	@touch $@

# PyTorch first, and alone, so that pip takes the build that constraints.txt names.
$(VENV)/dev.stamp: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "installing wordfield and what its tests need, PyTorch too, into $(VENV) (2.2 GB on disk, once)"
	@$(PIP) torch
	@$(PIP) -e '.[dev,bench]'
	@touch $(VENV)/base.stamp $@

$(VENV)/peers.stamp: $(VENV)/dev.stamp
	@echo "installing the tools that wordfield's files are compared with into $(VENV) (250 MB on disk, once)"
	@$(PIP) -e '.[dev,bench,peers]'
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "wordfield needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

.DELETE_ON_ERROR:
