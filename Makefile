# Everything a developer does, each one line to read.  `make test PYTHON=python3.13` picks another CPython.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard ext/kernels/* ext/wsframe/_c/*)

.PHONY: demo test lint bench

demo: $(VENV)/.demo
	$(BIN)/wsframe demo

test: $(VENV)/.test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/stubtest wsframe._c
	PATH=$(BIN):$$PATH $(BIN)/cython-lint ext
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	$(BIN)/zizmor --offline --quiet .github/workflows

bench: $(VENV)/.bench
	$(BIN)/python -m bench $(ARGS)

# One stamp an extra; a change of the C or Cython sources builds them anew.
$(VENV)/.%: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q --no-build-isolation -e '.[$*]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -U pip 'setuptools>=77' 'cython>=3.1'
