# What can be done from a fresh clone? Each target first creates .venv, or brings it up to date with pyproject.toml.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
READY := .venv/.ready
export NO_MKDOCS_2_WARNING := 1  # the theme advertises its successor in every build

.PHONY: demo test check bench validation docs picture

demo: $(INSTALLED)
	$(BIN)/modelcollapse demo

# One BLAS thread per worker, two workers: the two cores are busy once, not twice.
test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mkdocs build --strict --quiet
	OMP_NUM_THREADS=1 $(BIN)/pytest -q --doctest-modules src tests/test_layers.py

bench: $(READY)
	$(BIN)/python -m benchmarks

# The studies of tables that are not bundled need their folder: taken from beside the checkout, or DATA=FOLDER.
DATA ?= $(wildcard ../shared/data)
validation: $(READY)
	$(BIN)/python -m studies.validation $(if $(DATA),--data $(DATA))
	$(BIN)/python -m studies.distributions $(if $(DATA),--data $(DATA))
	$(BIN)/python -m studies.past_runs $(if $(DATA),--data $(DATA))

docs: $(READY)
	$(BIN)/mkdocs build --strict
	@echo "Open site/index.html"

picture: $(READY)
	$(BIN)/python tools/picture.py
	$(BIN)/modelcollapse phase-diagram --out docs/images/phase-diagram.svg
	$(BIN)/modelcollapse phase-diagram --setting power_law --out docs/images/phase-diagram-power-law.svg

# What users have: the package and nothing optional.
$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# What contributors need besides: every optional package, PyTorch among them, and the tools.
$(READY): $(INSTALLED) constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[datasets,tokenizers,tensorboard,torch,train,dev,docs]'
	touch $@
