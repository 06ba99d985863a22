# Everything a developer does, each one line to read.  `make test PYTHON=python3.13` picks another CPython.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(wildcard ext/kernels/* ext/wsframe/_c/*)

.PHONY: demo test quick test-all downstream versions lint docs docs-links coverage bench bench-servers bench-hosts \
  bench-default bench-fanout bench-limit release-check cross proxies proxy-programs sanitize race tsan tsan-python qemu fuzz conformance conformance-hosts jupyter soak

demo: $(VENV)/.demo
	$(BIN)/wsframe demo

# On all cores; CONTRIBUTING.md says how long both take.
test: $(VENV)/.test
	$(BIN)/python tests/suite.py $(ARGS)

quick: $(VENV)/.test
	$(BIN)/python tests/suite.py quick $(ARGS)

lint: STRICT =
lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/stubtest wsframe._c
	PATH=$(BIN):$$PATH PYTHONPATH=src $(BIN)/pyright --ignoreexternal --verifytypes wsframe >build/pyright.txt || \
	  { cat build/pyright.txt; exit 1; }
	PATH=$(BIN):$$PATH $(BIN)/cython-lint ext
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*))
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(SITE)

# The site, in build/docs/html, with every public name in its reference. Warnings are errors, but not in `make lint`.
STRICT = -W --keep-going
SPHINX = $(BIN)/python -m sphinx -q -E $(STRICT) -d build/docs/doctrees
SITE = $(SPHINX) -b html docs build/docs/html && $(BIN)/python docs/check.py build/docs/html
docs: $(VENV)/.docs
	$(SITE)

docs-links: $(VENV)/.docs
	$(SPHINX) -b linkcheck docs build/docs/links

# Which lines of Python and Cython the quick tests run, in a copy whose lines are traced; pyproject.toml has the floor.
# It takes some ten minutes of CPU time. Tracing slows down: a test that runs out of time is for `make test` to judge.
COPY := build/coverage
coverage: $(VENV)/.coverage
	rm -rf $(COPY)
	mkdir -p $(COPY)
	tar -c --exclude=./build --exclude='./.venv*' --exclude=./.git --exclude='*.so' . | tar -x -C $(COPY)
	cd $(COPY) && WSFRAME_TRACE=1 WSFRAME_REQUIRE_EXTENSIONS=1 WSFRAME_CFLAGS="-O1 -g0" \
	  $(abspath $(BIN))/python setup.py -q build_ext -i
	cd $(COPY) && PYTHONPATH=$(CURDIR)/$(COPY)/src COVERAGE_CORE=ctrace \
	  $(abspath $(BIN))/python -m coverage run tests/suite.py quick $(ARGS) || true
	cd $(COPY) && $(abspath $(BIN))/python -m coverage combine -q
	cd $(COPY) && $(abspath $(BIN))/python -m coverage report

bench: $(VENV)/.bench
	$(BIN)/python -m bench $(ARGS)

# Endpoints beside those of other libraries; socketify needs libuv.
bench-servers: $(VENV)/.bench
	$(BIN)/python -m bench -k endpoints $(ARGS)

# Other servers and clients, plain and under `wsframe run`.
bench-hosts: $(VENV)/.bench
	$(BIN)/python -m bench -k test_hosts $(ARGS)

# What people run by default: pinned versions, compression on. ARGS="--json FILE uvicorn 0.30": rows with these words.
bench-default: $(VENV)/.bench
	$(BIN)/python -m bench.default $(ARGS)

# One message for many connections; Starlette comes with the group `test`.
bench-fanout: $(VENV)/.bench
	$(BIN)/python -m bench.fanout $(ARGS)

# What a server computes for a message beside the least it can, a server in C; socketify needs libuv.
bench-limit: $(VENV)/.bench
	$(BIN)/python -m bench.limit $(ARGS)

# A server behind each proxy, with the configurations of the documentation: prints the table of docs/how-to/proxies.md.
proxies: $(VENV)/.proxies
	$(BIN)/python tests/proxies/table.py $(ARGS)

# The proxies that tests/proxies start, from Debian; without them these tests are skipped.
proxy-programs:
	$$(test $$(id -u) = 0 || echo sudo) apt-get install -y --no-install-recommends $(PROXY_PROGRAMS)
PROXY_PROGRAMS := nginx haproxy caddy apache2 tinyproxy microsocks

# What a release uploads: built and checked, installed and run, not uploaded.
release-check: $(VENV)/.release
	$(BIN)/python tests/release_check.py

# The C for other machines and systems, with zig: a compile check. ARGS="s390x-linux-gnu": some of them.
cross: $(VENV)/.cross
	$(BIN)/python tests/native/cross.py $(ARGS)

# On every CPython found: pythonX.Y on the PATH, those of pyenv, and WSFRAME_PYTHONS="/path/to/python ...".
test-all:
	$(PYTHON) tests/every_python.py

# The suites of the host libraries, as they are and accelerated.
downstream: $(VENV)/.test
	$(BIN)/python tests/downstream/run.py $(ARGS)

# The tests of the hosts with other versions of these: `make versions ARGS=wsproto==1.2.0`, and all when left out.
versions: $(VENV)/.test
	$(BIN)/python tests/hosts/versions.py $(ARGS)

# The suite under ASan and UBSan (gcc, Linux), against a build of its own; what measures time or memory is left out.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize: $(VENV)/.test
	rm -rf build/sanitize
	WSFRAME_REQUIRE_EXTENSIONS=1 WSFRAME_CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZE)" LDFLAGS="$(SANITIZE)" \
	  $(BIN)/python -m pip install -q --no-build-isolation --no-deps --target build/sanitize/lib \
	  -C--global-option=build -C--global-option=--build-base=build/sanitize .
	PYTHONPATH=$(CURDIR)/build/sanitize/lib PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
	  LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  $(BIN)/python -m pytest -m "not alone" $(ARGS)
	gcc -std=c11 -O1 -g $(SANITIZE) -Iext/kernels tests/kernels/*.c ext/kernels/*.c -o build/sanitize/test_kernels
	build/sanitize/test_kernels

# The thread of the coalescer, without Python, under the thread sanitizer: threads, full sockets and forks.
ROUNDS ?= 20000
race:
	mkdir -p build/race
	gcc -std=gnu11 -O1 -g -fsanitize=thread -Iext/wsframe/_c tests/native/test_coalescer.c -o build/race/test_coalescer
	TSAN_OPTIONS="die_after_fork=0 halt_on_error=1" build/race/test_coalescer $(ROUNDS)

# The tests with threads under the thread sanitizer, on a free-threaded CPython that was made with it.
# `make tsan-python` builds one in some minutes (clang); `make tsan TSAN_PYTHON=/path/to/python3` takes another.
TSAN_PYTHON ?= $(CURDIR)/build/tsan/python/bin/python3
tsan: $(VENV)/.test
	mkdir -p build/tsan
	tests/tsan/run.sh $(TSAN_PYTHON) $(ARGS)

tsan-python:
	tests/tsan/python.sh $(CURDIR)/build/tsan/python

qemu:
	tests/kernels/qemu.sh

# Seconds for each target; atheris needs CPython 3.11 to 3.13.
TIME ?= 60
FUZZ ?= differential conversation streams heads
fuzz: $(VENV)/.fuzz
	set -e; for target in $(FUZZ); do \
	  mkdir -p build/fuzz/found/$$target build/fuzz/vectors/$$target; \
	  $(BIN)/python tests/fuzz/run.py $$target -max_total_time=$(TIME) -max_len=4096 -artifact_prefix=build/fuzz/ \
	    build/fuzz/found/$$target build/fuzz/vectors/$$target tests/fuzz/corpus/$$target; \
	done

# One stamp for each dependency group of pyproject.toml; a change of the C or Cython sources builds them anew.
$(VENV)/.%: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q 'pip>=25.1'
	$(BIN)/python -m pip install -q --no-build-isolation -e . --group $*
	touch $@

# The demo is for users: an extra.
$(VENV)/.demo: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install -q --no-build-isolation -e '.[demo]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -U pip 'setuptools>=77' 'cython>=3.1'

# The Autobahn TestSuite, all 517 cases: `make conformance ARGS=--fast` for the quick ones.
conformance: $(VENV)/.test
	$(BIN)/python tests/conformance/run.py $(ARGS) || test $$? -eq 77

# The same cases against the host libraries, as they are and accelerated.
conformance-hosts: $(VENV)/.test
	$(BIN)/python tests/conformance/hosts.py $(ARGS) || test $$? -eq 77

# Jupyter Server under `wsframe run`.
jupyter: $(VENV)/.jupyter
	$(BIN)/python -m pytest tests/accelerate/test_run_programs.py -k jupyter $(ARGS)

# The host libraries under load, accelerated and as they are, ten minutes each way: `make soak ARGS="--seconds 60"`.
soak: $(VENV)/.test
	$(BIN)/python tests/soak/run.py $(ARGS)
