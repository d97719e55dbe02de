# Two commands for a newcomer, each of which does all of its own set-up: `make demo` and `make test`.
# They need git, make and Python 3.11 or newer. Where Docker is there it is used; nothing needs it.

VENV ?= .venv
# the newest Python that is there and new enough; PYTHON=... names another
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types tests faults docs requirements clean

demo: $(READY) ## a small repository with three real faults, checked
	$(BIN)/alembic-premerge demo || test $$? = 1

test: lint types tests ## everything that must hold before a commit lands

lint: $(READY)
	$(BIN)/ruff format --check checker tests
	$(BIN)/ruff check checker tests
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

tests: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses auto -m "not docker and not act" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

faults: $(READY) ## the long forms: 300,000 inputs of the fuzzer, every way to another database, 200 killed runs
	ALL_WAYS=1 $(BIN)/python -m pytest -q tests/faults/test_other_databases.py
	$(BIN)/python -m tests.faults.fuzz --inputs 300000
	LONG=1 $(BIN)/python -m pytest tests/faults/test_left_behind.py

requirements: $(READY) ## pin everything anew
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group dev pyproject.toml --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra image pyproject.toml --output-file requirements/image.txt
	echo "hatchling" | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate - --output-file requirements/build.txt

$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "alembic-premerge needs Python 3.11 or newer: make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

docs: $(READY) ## make the checks' pages and the picture anew
	$(BIN)/python docs/make.py --picture

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
