# Everything one does with this repository. Needs make and Python 3.11 or newer with venv; the rest is
# installed into .venv from the locks, and only when they changed.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
UV ?= uv
ARGS ?=
JOBS ?= auto

PYTHON ?= $(shell for one in python3.13 python3.12 python3.11 python3; do \
	$$one -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& command -v $$one && break; done)

# Much of the time of a test is waiting, and they run side by side as well as one after the other.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: help venv demo test check format bench services docs lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(VENV)/.runtime ## real files through their statuses, in two minutes; ARGS="--keep" and the like are passed on
	@$(BIN)/eventflow demo $(ARGS)

test: $(VENV)/.development services ## all tests; ARGS="tests/store -x" for some of them, JOBS=0 for one process
	@$(PYTEST) $(ARGS)

check: $(VENV)/.development services ## format, lint, types, floors and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(PYTEST) $(ARGS)

format: $(VENV)/.development ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.development services ## every benchmark; ARGS=--quick for a short run
	@set -e; for one in tests/bench/[a-z]*.py; do \
		grep -q '__main__' "$$one" || continue; \
		echo "== $$one"; $(BIN)/python -m "tests.bench.$$(basename "$$one" .py)" $(ARGS); done

services: ## PostgreSQL, RabbitMQ and Redis on their usual ports, started when they do not answer
	@docker/services

docs: $(VENV)/.docs ## the documentation as a site, in build/docs
	$(BIN)/zensical build --clean --strict

lock: ## write the locks anew, after a change of pyproject.toml
	@command -v $(UV) >/dev/null || { echo "make lock needs uv; say where it is: make lock UV=..."; exit 1; }
	$(COMPILE) pyproject.toml --all-extras --group test --group dev -o requirements.lock
	$(COMPILE) pyproject.toml --all-extras --group build --constraint requirements.lock -o requirements-runtime.lock
	$(COMPILE) --group docs --constraint requirements.lock -o requirements-docs.lock

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

venv: $(VENV)/.development ## the environment for development

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found." \
		"Install one (Debian: apt-get install python3-venv) or name it: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

# The locks are complete, so pip need not look for what they require. The project itself is installed as a
# link to this checkout.
$(VENV)/.runtime: requirements-runtime.lock pyproject.toml eventflow/__about__.py | $(BIN)/python
	@echo "Installing what eventflow needs"
	@$(PIP) --no-deps --require-hashes -r requirements-runtime.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: requirements.lock $(VENV)/.runtime
	@echo "Installing what development needs"
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.docs: requirements-docs.lock $(VENV)/.runtime
	@$(PIP) --no-deps --require-hashes -r requirements-docs.lock
	@touch $@

clean: ## what was made: the environment, caches, builds
	rm -rf $(VENV) build dist eventflow-demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find eventflow projections tests -name __pycache__ -type d -prune -exec rm -rf {} +
