# Everything a developer does, each one line to read.  `make test PYTHON=python3.13` picks another CPython.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: test
test: $(VENV)/test
	$(BIN)/python -m pytest -q

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/test: $(VENV)/bin/python pyproject.toml setup.py $(wildcard ext/kernels/* ext/wsframe/_c/*)
	$(BIN)/python -m pip install -q -e '.[test]'
	touch $@
