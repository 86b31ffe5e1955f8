# make serve, make test, make test-fast, make dist, make bench, make bench-sync, make trips: each does the set-up that
# it needs.
# make PYTHON=/path/to/python ... chooses the interpreter, make ARGS="..." adds arguments.

PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python3.10)
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))
BIN := .venv/bin

# What is compiled is kept, whatever the environment says: a test that starts a server starts four processes,
# and without it each of them compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-fast test-live dist bench bench-sync trips lint clean

serve: .venv/.serve
	mkdir -p packages
	exec $(BIN)/pypitool serve $(ARGS) packages

test: lint
	$(BIN)/python -m pytest -n auto $(ARGS)

# While one works: no server, no other process of Python, no client, and no linter (`make lint` is that).
test-fast: .venv/.test
	$(BIN)/python -m pytest -n auto -m 'not live and not process and not slow and not public' $(ARGS)

# Needs the public PyPI, and is no part of `make test`.
test-live: .venv/.test
	$(BIN)/python -m pytest -m public -s $(ARGS)

# What `pipx install dist/*.whl` and its kin install: one wheel, so that the star is one file; and the sdist.
dist: .venv/.build
	rm -f dist/pypitool-*
	$(BIN)/python -m build --outdir dist .

bench: .venv/.test
	exec $(BIN)/python -m bench $(ARGS)

bench-sync: .venv/.test
	exec $(BIN)/python -m bench.sync $(ARGS)

# How many of our files an upload, a page, a `sync` enter; make trips ARGS="--explain sync" says where.
trips: .venv/.test
	@exec $(BIN)/python -m bench.trips $(ARGS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache bench/.work

# Stamps: the set-up runs again only when pyproject.toml changes, or another PYTHON is asked for.
.venv/.serve: .venv/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.test: .venv/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@ .venv/.serve

.venv/.build: .venv/.python
	$(BIN)/python -m pip install --quiet build
	touch $@

ifdef PYTHON
ifneq ($(PYTHON),$(shell cat .venv/.python 2>/dev/null))
.PHONY: .venv/.python
endif
endif
.venv/.python:
	@for python in $(PYTHONS); do \
	    if "$$python" -c '$(USABLE)' 2>/dev/null; then \
	        echo "$$python -m venv .venv"; \
	        "$$python" -m venv --clear .venv \
	            && $(BIN)/python -m pip install --quiet --upgrade pip \
	            && echo "$$python" > $@; \
	        exit; \
	    fi; \
	done; \
	echo "pypitool needs Python 3.10 or newer with venv, try: sudo apt install python3 python3-venv" >&2; \
	exit 1
