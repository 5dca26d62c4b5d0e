# Everything a developer types; `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LAVA_VENV ?= .venv-lava
SANAFE_VENV ?= .venv-sanafe
export LAVA_PYTHON

EXAMPLE := examples/digits_conv

.DEFAULT_GOAL := help
.PHONY: help demo test campaign validate check docs bench lava-env sanafe-env clean

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 18

demo: $(VENV)/.core  ## Set up and deploy the convolutional example on Loihi 2
	$(BIN)/snn-deploy $(EXAMPLE)/digits_conv.nir --profile spikingjelly --target loihi2 \
	  --input $(EXAMPLE)/test.npz --steps 10 --out build/demo

test: $(VENV)/.test $(LAVA_VENV)/.lava $(SANAFE_VENV)/.sanafe  ## Run all tests (sets up the frameworks they compare with)
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

campaign: $(VENV)/.test $(LAVA_VENV)/.lava  ## Run ten times as many random networks on Lava as the tests do
	$(BIN)/python -m pytest tests/backends/lava -n 2 --dist loadscope --lava-networks 3000

check: $(VENV)/.test  ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.docs  ## Build the documentation site into build/site
	$(BIN)/mkdocs build --strict -q

bench: $(VENV)/.core  ## Measure every claim of speed (see bench/)
	@set -e; for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script; done

validate: $(VENV)/.test $(LAVA_VENV)/.lava  ## Compare with the ground truth in the lava-dl wheel (downloads it)
	$(BIN)/python tests/validation/netx_ground_truth.py

lava-env: $(LAVA_VENV)/.lava  ## Set up Lava 0.10 in a Python 3.10 of its own (LAVA_PYTHON=...)

sanafe-env: $(SANAFE_VENV)/.sanafe  ## Set up SANA-FE (GPL-3) in an environment of its own

clean:  ## Remove what was built; environments stay
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	  sys.exit(v < (3, 10) and "snn-deploy needs Python 3.10 or newer, $(PYTHON) is %d.%d: make PYTHON=..." % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check 'pip>=23'
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.core tests/requirements/dev.txt tests/requirements/frameworks.txt tests/requirements/frameworks-no-deps.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c tests/requirements/dev.txt \
	  -e '.[test]' -r tests/requirements/frameworks.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c tests/requirements/dev.txt \
	  --no-deps -r tests/requirements/frameworks-no-deps.txt
	.ci/system-tools
	@touch $@

$(VENV)/.docs: $(VENV)/.core
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@

$(LAVA_VENV)/.lava: .ci/lava-env
	.ci/lava-env $(LAVA_VENV)
	@touch $@

# Only ever run as a separate process, by tests and benchmarks.
$(SANAFE_VENV)/.sanafe:
	$(PYTHON) -m venv $(SANAFE_VENV)
	$(SANAFE_VENV)/bin/python -m pip install -q --disable-pip-version-check sanafe==2.2.9 numpy
	$(SANAFE_VENV)/bin/python -c 'import sanafe'
	@touch $@
