# make run     everything on http://127.0.0.1:3000 (PORT, HELPNINJA_DATA and the other settings: README.md)
# make test    every test, with what it needs
# make check   the quick half: format, lint, types, import rules, architecture and unit tests
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test lint check bench chaos screenshots format lock clean
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
CODE := helpninja_app api_routes tests bench alembic rxconfig.py

help:
	@echo "make setup | run | test | check | bench | chaos | screenshots | format | lock | clean"

setup:
	@.ci/setup

setup-dev:
	@.ci/setup dev

run: setup
	@exec $(BIN)/helpninja serve

test: setup-dev
	@.ci/test

lint:
	@$(BIN)/ruff format --check --quiet $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

check: setup-dev lint
	@$(BIN)/python -m pytest -p no:playwright -n 2 tests/architecture tests/unit

bench: setup-dev
	@$(BIN)/python -m bench

chaos: setup-dev
	@$(BIN)/python -m bench.chaos
	@$(BIN)/python -m bench.ledger_chaos
	@$(BIN)/python -m bench.last_credits
	@$(BIN)/python -m bench.delivery_chaos
	@$(BIN)/python -m bench.stripe_orders
	@$(BIN)/python -m bench.webhooks

screenshots: setup-dev
	@HELPNINJA_BROWSER="$$(.ci/browser)" $(BIN)/python -m bench.screenshots

format: setup-dev
	@$(BIN)/ruff check --quiet --fix $(CODE) || true
	@$(BIN)/ruff format $(CODE)

# After a change of requirements*.txt: pins what they bring along.
lock: setup-dev
	@(sed -n '/^#/p;/^#/!q' requirements.lock && $(BIN)/pip freeze --exclude-editable --exclude uv) > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	@rm -rf .web .states build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
