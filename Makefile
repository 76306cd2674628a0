# make app     install what is missing and open the workbench
# make test    install what is missing (the browser too), then lint and run every test
# make help    the rest
#
# Variables: VENV (default .venv), PYTHON (the interpreter that creates it), PORT (default 8866),
# BROWSER=no (leave out the tests that need Chromium), PYTEST (more arguments for pytest),
# WORKERS (processes that run the tests; those in the browser have the machine to themselves).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?=
PORT ?= 8866
BROWSER ?= yes
PYTEST ?=
WORKERS ?= logical

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_TEST := $(VENV)/.installed-test

.PHONY: help app test lint bench wheel-test browser clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

app: $(INSTALLED)  ## install what is missing and open the workbench
	@# It compiles what is not yet compiled, with a progress bar, before it opens.
	@exec $(BIN)/workbench --port $(PORT)

test: $(INSTALLED_TEST) browser lint  ## install what is missing, then lint and run every test
	@$(BIN)/workbench warmup
	@$(BIN)/python -m pytest -m "not browser" --numprocesses $(WORKERS) --dist worksteal $(PYTEST)
ifneq ($(BROWSER),no)
	@$(BIN)/python -m pytest -m browser $(PYTEST)
endif

lint: $(INSTALLED_TEST)  ## ruff, mypy and the import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(INSTALLED_TEST)  ## measure the speed budgets and print the table
	@$(BIN)/python -m benchmarks.run

wheel-test: $(INSTALLED_TEST)  ## build the wheel and use it from an empty environment
	@$(BIN)/python -m pytest tests/unit/test_wheel.py -m slow

browser:
	@bash tools/install_browser.sh $(BROWSER)

clean:  ## remove caches and build products (the environment stays)
	rm -rf build dist artifacts .benchmarks .coverage .hypothesis .mypy_cache .pytest_cache \
	  .ruff_cache .import_linter_cache
	find workbench tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make the second run install nothing; a changed pyproject.toml installs again.
$(INSTALLED): pyproject.toml
	@PYTHON="$(PYTHON)" bash tools/install.sh "$(VENV)"
	@touch $@

$(INSTALLED_TEST): pyproject.toml
	@PYTHON="$(PYTHON)" bash tools/install.sh "$(VENV)" test
	@touch $(INSTALLED) $@
