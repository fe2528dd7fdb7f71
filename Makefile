# Commands of the project. Every one sets up .venv by itself when it has to.

PYTHON ?= python3
# Processes of the test run; each computes on one thread.
WORKERS ?= 2

BIN := .venv/bin
STAMP := .venv/installed
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -n $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check format bench

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: $(STAMP) ## create .venv with everything pinned in requirements.lock, and the package itself

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "expected Python 3.11 to 3.13, found %d.%d; name another one: make setup PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## find, edit and measure the openness neurons of the embedded model; no network, no account, no GPU
	$(BIN)/python run.py
	@report=$$(ls -t outputs/*/*/report.html 2>/dev/null | head -n 1); \
	if [ -n "$$report" ]; then echo "The report: $(CURDIR)/$$report"; else echo "No report was written below outputs/"; exit 1; fi

test: setup ## the fast tests
	$(PYTEST) -m "not slow and not gpu and not network"

test-all: setup ## the fast and the slow tests
	$(PYTEST) -m "not gpu and not network"

check: setup ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## put the code into the project's format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: setup ## time the stages on the bench model
	$(BIN)/python experiments/bench/run.py
