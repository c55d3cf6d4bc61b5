# Every task that a human runs. On a fresh machine `make demo` and `make test` are enough: each sets up what it needs.
# ARGS reaches the command: make unit ARGS="-k zone", make demo ARGS=--keep

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
PYTEST := $(BIN)/pytest -q
# Most tests wait more than they compute: twice as many workers as processors.
SPREAD := -n $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
PYTHON_CODE := addons tests bench docs
HAVE_KUBE := [ -n "$${KUBEBUILDER_ASSETS:-}" ] || [ -e .cache/kube ]
SCRIPTS := .ci/run .ci/setup tests/clients/build tests/prometheus/build tests/kube/build tests/kube/packages \
	tests/kube/start tests/kube/runtime tests/kube/node tests/kube/stop

.PHONY: help demo test install format lint lint-code lint-types lint-imports lint-scripts every-tier unit house \
	component contract netns clients sdks e2e kube prometheus packages cover deflake docs docs-check bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## play the stories: a simulated AWS and Kubernetes, the daemons as processes, expectations checked
	@$(BIN)/addons demo $(ARGS)

test: install ## run every test and check; the real Kubernetes is built when Go is here
	@$(MAKE) --keep-going lint every-tier

every-tier: install kube-or-say prometheus-or-say sdks-or-say packages
	@$(PYTEST) $(SPREAD) tests $(ARGS)

install: ## make .venv from the lock (done once, and again when the lock changes)
	@.ci/setup

format: install ## rewrite the Python code in the one format
	@$(BIN)/ruff check --fix $(PYTHON_CODE)
	@$(BIN)/ruff format $(PYTHON_CODE)

lint: install ## check format, style, types, import laws and scripts
	@$(MAKE) --jobs --keep-going --output-sync lint-code lint-types lint-imports lint-scripts

lint-code:
	@$(BIN)/ruff check $(PYTHON_CODE)
	@$(BIN)/ruff format --check $(PYTHON_CODE)

lint-types:
	@$(BIN)/mypy --explicit-package-bases $(PYTHON_CODE)

lint-imports:
	@$(BIN)/lint-imports

lint-scripts:
	@$(BIN)/shellcheck $(SCRIPTS)

unit: install ## test the pure modules
	@$(PYTEST) tests/unit $(ARGS)

house: install ## test the shape of the code, the documents and the budgets
	@$(PYTEST) $(SPREAD) tests/house $(ARGS)

component: install prometheus-or-say ## test the daemons' parts against the simulated world
	@$(PYTEST) $(SPREAD) tests/component $(ARGS)

contract: install kube-or-say ## test the API emulator and the real API server with the same tests
	@$(PYTEST) $(SPREAD) tests/contract $(ARGS)

netns: install prometheus-or-say sdks-or-say ## test what needs network namespaces (root)
	@$(PYTEST) $(SPREAD) tests/netns $(ARGS)

clients: install ## try iamproxy with the SDKs of Java and JavaScript as well (root; a JDK, Maven, Node and Go)
	@tests/clients/build .cache/clients go pyarrow java javascript
	@$(PYTEST) $(SPREAD) --all-clients tests/netns/test_iamproxy_clients.py $(ARGS)

e2e: install kube-or-say packages ## test the daemons as processes on the real Kubernetes
	@$(PYTEST) $(SPREAD) tests/e2e $(ARGS)

kube: ## build the real Kubernetes for tests into .cache/kube (needs Go)
	@tests/kube/build .cache/kube

prometheus: ## build Prometheus's rule engine for the tests of alerts into .cache/prometheus (needs Go)
	@tests/prometheus/build .cache/prometheus

sdks:
	@tests/clients/build .cache/clients go pyarrow

packages:
	@if $(HAVE_KUBE); then tests/kube/packages || [ -z "$${CI:-}" ]; fi

%-or-say:
	@if [ "$*" = kube ] && [ -n "$${KUBEBUILDER_ASSETS:-}" ]; then exit 0; fi; \
	if ! command -v go > /dev/null; then why="Go is not installed"; \
	elif $(MAKE) $*; then exit 0; else why="it could not be built"; fi; \
	echo "what needs the real $* is left out of the tests: $$why"; [ -z "$${CI:-}" ]

cover: install prometheus-or-say ## measure which lines and branches the unit and component tests reach
	@$(BIN)/coverage run -m pytest -q tests/unit tests/component $(ARGS)
	@$(BIN)/coverage report --skip-covered --show-missing

deflake: install kube-or-say prometheus-or-say sdks-or-say ## repeat the tests until one fails, all cases of each, ROUNDS times (10)
	@for round in $$(seq $${ROUNDS:-10}); do echo "round $$round"; \
	$(PYTEST) $(SPREAD) --all-cases tests/unit tests/component tests/contract tests/netns $(ARGS); done

docs: install ## write the generated parts of docs/ and charts/ anew
	@for script in docs/generate_*.py; do PYTHONPATH=. $(BIN)/python $$script; done

docs-check: install ## test that the documents tell the truth
	@$(PYTEST) tests/house/test_docs.py tests/house/test_promises.py $(ARGS)

bench: install ## run every benchmark, and print the table of docs/performance.md
	@for script in bench/*.py; do PYTHONPATH=. $(BIN)/python $$script; done

lock: install ## resolve pyproject.toml anew into both lock files
	@[ -x .cache/uv/bin/uv ] || { python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }
	@compile() { .cache/uv/bin/uv pip compile -q --universal --generate-hashes --no-header pyproject.toml "$$@"; }; \
	compile --extra encryption --output-file requirements.lock; \
	compile --extra demo --extra test --output-file requirements-dev.lock

clean: ## remove whatever the other tasks made
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist
	@find addons tests -name __pycache__ -prune -exec rm -rf {} +
