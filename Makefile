# The steps of this project; `make help` lists them. Continuous integration calls only these.
#
# Everything is installed into .venv and .cache from hashed pins, by the steps that need it.

PYTHON ?= python3
BIN := .venv/bin
# Whatever decides what is in .venv. Its Python too: a new one needs a new environment.
SETUP_FROM := requirements/dev.txt pyproject.toml tools/setup.sh

# Those that pyproject.toml names; the workflow has a job for each.
PYTHONS ?= python3.11 python3.12 python3.13

# A process for each core; the tests of one file stay together, they share a server.
PYTEST := $(BIN)/python -m pytest --quiet -n auto --dist loadfile

.DEFAULT_GOAL := demo
.PHONY: demo prepared test test-full coverage test-wheel test-wheels packages mutants check lint lint-contract types mypy pyright drift format setup generate vendor mutation pins diff share languages bench docs pictures system npm-tools clean help

demo: ## (default) Register sample files with the reference server and check both sides
	@$(MAKE) --no-print-directory -j2 setup generate
	@$(BIN)/python tools/demo/demo.py

test: prepared ## Run all tests, with one seed and small counts
	@HYPOTHESIS_PROFILE=ci $(PYTEST)

test-full: prepared ## Run all tests with the large counts
	@HYPOTHESIS_PROFILE=nightly $(PYTEST)

coverage: prepared ## Which lines and branches no test reaches, 15 min; dist/coverage/ shows them (TESTS=tests/client: of some)
	@HYPOTHESIS_PROFILE=ci $(BIN)/python -m tools.coverage $(TESTS)

test-wheel: vendor ## Run the package's tests against the built wheel, in an environment of its own; PYTHON=python3.13, VERSIONS=pinned|oldest|newest, TESTS=tests/client
	@PYTHON="$(PYTHON)" HYPOTHESIS_PROFILE=ci tools/test-wheel.sh "$(or $(VERSIONS),pinned)" $(TESTS)

test-wheels: ## The same with each Python and all three VERSIONS; PYTHONS="python3.12 python3.13" for some
	@for python in $(PYTHONS); do for versions in oldest pinned newest; do \
	    $(MAKE) --no-print-directory test-wheel PYTHON="$$python" VERSIONS=$$versions || exit 2; done; done

packages: setup ## Build the wheel and the sdist into dist/packages/
	@rm -rf dist/packages
	@$(BIN)/python -m hatchling build -d dist/packages

# Five environments, made side by side: most of it is waiting for downloads and disks.
prepared:
	@$(MAKE) --no-print-directory -j4 setup generate vendor npm-tools .cache/base/complete

# What a base install downloads: the test of one then needs no network.
.cache/base/complete: requirements/base.txt .venv/complete
	@rm -rf .cache/base && mkdir -p .cache/base
	@$(BIN)/python -m pip --quiet --disable-pip-version-check download --no-deps --require-hashes \
	    --dest .cache/base --requirement requirements/base.txt
	@touch $@

check: drift lint lint-contract types ## What else must hold: generated/ is up to date, lint, types

drift: ## Fail where generated/ is not what the contract gives
	@./generate.sh --check

lint: setup ## Lint and formatting
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

lint-contract: setup npm-tools ## Lint openapi.yaml with redocly and spectral; its examples are validated
	@$(BIN)/python -m tools.lint_contract

types: ## Type-check everything with mypy and pyright, strictly
	@$(MAKE) --no-print-directory -j2 mypy pyright

mypy: setup
	@$(BIN)/mypy

pyright: setup npm-tools
	@$(BIN)/python -m tools.npm.pyright

format: setup ## Format, and mend what the linter can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

mutants: prepared ## Print which broken servers the check finds, and which stock schemathesis finds (ARGS=--no-stock: without)
	@$(BIN)/python -m tools.mutants $(ARGS)

setup: .venv/complete ## Make .venv with the command .venv/bin/comfy-assets

.venv/complete: $(SETUP_FROM)
	@PYTHON="$(PYTHON)" tools/setup.sh .venv requirements/dev.txt --editable

generate: ## Make generated/ from openapi.yaml and overrides/, where it is not up to date
	@./generate.sh

vendor: .cache/vendor/complete ## Install the vendor's own client, for the test that the server serves it

.cache/vendor/complete: requirements/vendor.txt tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh .cache/vendor requirements/vendor.txt

mutation: .cache/mutation/complete ## Does a test fail for every change of the client's core? MODULE="retrying calls" for some, ARGS="--minutes 15" to stop
	@.cache/mutation/bin/python -m tools.mutation.run $(MODULE) $(ARGS)

.cache/mutation/complete: requirements/mutation.txt tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh .cache/mutation requirements/mutation.txt

bench: setup generate vendor .cache/bench/complete ## Measure speed against others, in ratios; FULL=1 for numbers to quote
	@$(BIN)/python -m bench $(if $(FULL),--full)

.cache/bench/complete: requirements/bench.txt tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh .cache/bench requirements/bench.txt

diff: setup npm-tools ## What does a change of the contract mean? BASE=v1.0.0 or any git revision or file
	@tools/contract-diff "$(BASE)"

languages: setup generate ## Build clients in other languages from openapi.yaml, and check them. LANGUAGE=go: one; ARGS=--write: the page
	@$(BIN)/python -m tools.languages $(ARGS) $(LANGUAGE)

docs: setup .cache/docs/complete ## Build the documentation into dist/docs/, with no warning and no broken link
	@$(BIN)/python -m tools.docs
	@.cache/docs/bin/python -m sphinx -q -W --keep-going -b html docs dist/docs
	@echo "docs: dist/docs/index.html"

pictures: setup ## Make docs/pictures anew from real runs; needs tmux and chromium
	@PYTHONPATH=tools/demo $(BIN)/python -m tools.pictures

.cache/docs/complete: requirements/docs.txt tools/setup.sh
	@PYTHON="$(PYTHON)" tools/setup.sh .cache/docs requirements/docs.txt

share: setup npm-tools ## Write the contract for other languages into dist/contract/: documents, page, test vectors
	@$(BIN)/python -m tools.share

system: ## Install the browser, shells and compilers that tests want (Debian, Ubuntu); CI fails without them
	@tools/system.sh

npm-tools: .cache/npm/complete ## Install what lints, compares and shows contracts from npm, pinned

.cache/npm/complete: tools/npm/package-lock.json tools/npm/install.sh
	@tools/npm/install.sh tools/npm .cache/npm

pins: setup ## Make the hashed pins in requirements/ anew from what pyproject.toml and *.in ask for; ONLY=generate: one file
	@ONLY="$(ONLY)" tools/pins.sh

clean: ## Remove everything that was built or installed here
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis

help: ## List the steps
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'
