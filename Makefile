# Every target does its own set-up; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CONSTRAINTS := constraints
LAB := $(BIN)/lab

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{sub(/%/, "NAME", $$1); printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml $(CONSTRAINTS)/dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is %d.%d. Try: make PYTHON=python3.13" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)/dev.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint $(CONSTRAINTS)/dev.txt --build-constraint $(CONSTRAINTS)/dev.txt --editable '.[dev]'
	@touch $@

.PHONY: lab
lab: $(READY) ## Start the shop in every framework, check, load and compare it
	@$(LAB) compare --variants fastapi,django,flask --scenario browse --quick

.PHONY: check
check: $(READY) ## Lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/pytest tests/test_tree.py

.PHONY: test
test: $(READY) ## Run the tests against real PostgreSQL, Valkey and services
	@$(BIN)/pytest -n 2 --ignore=tests/cluster -m "not long"

.PHONY: test-cluster
test-cluster: $(READY) ## Run the tests that need Docker, kind, helm and kubectl, on a cluster of their own
	@$(BIN)/pytest tests/helm tests/cluster --timeout 900 -m "not long"

.PHONY: update
update: $(READY) ## Resolve the pins in constraints/ anew, and generate dashboards and rules
	@$(BIN)/python -m tools.constraints
	@$(BIN)/python -m dashboards
	@$(BIN)/python -m dashboards.rules

.PHONY: down
down: $(READY) ## Stop whatever a lab left running, and remove its kind cluster
	@$(LAB) down

.PHONY: clean
clean: ## Stop the lab, then remove all that was made here
	@if [ -x $(LAB) ]; then $(LAB) down; fi
	@rm -rf $(VENV) .lab results dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

bench-%: $(READY) ## Measure one ratio; the last line is JSON
	@$(BIN)/python -m benchmarks.$*

.PHONY: prove-cluster
prove-cluster: $(READY) ## Run all tests on a cluster, the long ones too
	@$(BIN)/pytest tests/helm tests/cluster --timeout 1800

.PHONY: prove-alerts
prove-alerts: $(READY) ## Play every alert in both scales of windows
	@$(BIN)/pytest -n 2 tests/rules

prove-%: $(READY) ## Prove what takes too long for the tests; the result is a page in docs/proofs
	@$(BIN)/python -m tools.prove_$(subst -,_,$*)
