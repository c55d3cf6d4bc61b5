# Every task that a human runs. On a fresh machine `make demo` and `make test` are enough: each sets up what it needs.
# ARGS reaches the command: make unit ARGS="-k zone", make demo ARGS=--keep

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
# What kubectl and Helm remember of API servers, of which each test has a new one.
export KUBECACHEDIR := $(CURDIR)/.cache/discovery
BIN := .venv/bin
PYTEST := $(BIN)/pytest -q
# Most tests wait more than they compute: twice as many workers as processors.
SPREAD := -n $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
PYTHON_CODE := addons tests bench docs release
HAVE_KUBE := [ -n "$${KUBEBUILDER_ASSETS:-}" ] || [ -e .cache/kube ]
SCRIPTS := .ci/run .ci/setup tests/clients/build tests/prometheus/build tests/kube/build tests/kube/helm tests/kube/packages \
	tests/kube/start tests/kube/runtime tests/kube/node tests/kube/stop release/debian release/layers release/plugin

.PHONY: help demo test install cluster format lint lint-code lint-types lint-imports lint-scripts every-tier unit house \
	component contract netns clients sdks e2e kube prometheus packages image-of-tests cover deflake docs docs-check docs-site \
	bench soak image changelog release lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## play one story of all daemons in a simulated AWS and Kubernetes (ARGS=--all: the single ones too)
	@$(BIN)/addons demo $(ARGS)

test: install ## run every test and check; the real Kubernetes is built when Go is here
	@$(MAKE) lint & lint=$$!; status=0; $(MAKE) every-tier || status=$$?; wait $$lint || status=1; exit $$status

every-tier: install kube-or-say prometheus-or-say sdks-or-say packages image-of-tests
	@$(PYTEST) $(SPREAD) tests $(ARGS)

install: ## make .venv from the lock (done once, and again when the lock changes)
	@.ci/setup

cluster: install kube packages image-of-tests ## run the five daemons on a real Kubernetes and a simulated AWS, until Ctrl-C (root)
	@$(BIN)/python -m tests.support.suite_cluster $(ARGS)

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

e2e: install kube-or-say packages image-of-tests ## test the daemons as processes on the real Kubernetes
	@$(PYTEST) $(SPREAD) tests/e2e $(ARGS)

kube: ## build the real Kubernetes for tests into .cache/kube, and the real Helm (needs Go)
	@tests/kube/build .cache/kube
	@tests/kube/helm .cache/helm

prometheus: ## build Prometheus's rule engine for the tests of alerts into .cache/prometheus (needs Go)
	@tests/prometheus/build .cache/prometheus

sdks:
	@tests/clients/build .cache/clients go pyarrow

image-of-tests:
	@PYTHONPATH=. $(BIN)/python -m tests.support.oci_image || [ -z "$${CI:-}" ]

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
	@$(PYTEST) tests/house/test_{commands,compatibility,docs,iam,promises,site}.py $(ARGS)

docs-site: install ## build the site of the documents into dist/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: install ## run every benchmark, and print the table of docs/performance.md
	@for script in bench/*.py; do PYTHONPATH=. $(BIN)/python $$script; done

soak: install ## play random faults over the world of the demo for SOAK_MINUTES (15), and check what must hold (Linux)
	@$(BIN)/python -m addons.demo.soak --minutes=$${SOAK_MINUTES:-15} $(ARGS)

image: install ## build the image for this machine, or ARCH=arm64, into an archive in dist/, without an engine
	@$(BIN)/python release/image.py $(ARCH)

changelog: install ## fold the fragments of changelog.d into CHANGELOG.md, as those of the version in pyproject.toml
	@version=$$(PYTHONPATH=. $(BIN)/python -c 'from release.image import version; print(version())'); \
	if grep -qF "## $$version (" CHANGELOG.md; then \
	echo "CHANGELOG.md has a section about $$version: begin the next version by release/versions.py NEW," \
	"or move into the section what changelog.d has" >&2; exit 1; fi; \
	$(BIN)/towncrier build --yes --version "$$version" $(ARGS)

release: install ## make all that is handed out of this commit in dist/VERSION, or say why not; ARGS=--dry-run only says
	@PYTHONPATH=. $(BIN)/python -m release.release $(ARGS)

lock: install ## resolve pyproject.toml anew into the lock files
	@[ -x .cache/uv/bin/uv ] || { python3 -m venv .cache/uv && .cache/uv/bin/pip install -q uv; }
	@compile() { .cache/uv/bin/uv pip compile -q --universal --generate-hashes --no-header pyproject.toml "$$@"; }; \
	compile --extra encryption --output-file requirements.lock; \
	compile --extra demo --extra test --extra docs --extra release --output-file requirements-dev.lock; \
	echo "hatchling>=1.33" | .cache/uv/bin/uv pip compile -q --universal --generate-hashes --no-header \
	--constraint requirements-dev.lock --output-file release/build.lock -

clean: ## remove whatever the other tasks made
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist
	@find addons tests -name __pycache__ -prune -exec rm -rf {} +
