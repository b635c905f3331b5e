# serve · book · page · seconds · test · lint · exercises · grade · bench · bench-losses · bench-grading · picture · evening · clean
# A stamp stands for each step, so that a second call runs only what its sources ask for.

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
LOSSES ?=
VENV ?= .venv
BIN := $(VENV)/bin

INSTALLED := $(VENV)/.installed
NOTEBOOKS := build/notebooks.stamp
WHEEL := build/wheel.stamp
PACKAGE := build/package.stamp
BOOK := build/book.stamp
SITE := build/html
DOWNLOADS := build/site/downloads

sources = $(shell find $(1) -type f -not -path '*/__pycache__/*' -not -path '*/.ipynb_checkpoints/*' 2>/dev/null)
PACKAGE_SOURCES := $(call sources,losscourse -not -path 'losscourse/notebooks/*')
SETS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard exercises/source/*/*.ipynb)))))

# nbgrader calls alembic, and a page's kernel the tools it was installed with, by name.
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: serve book page seconds test lint exercises grade bench bench-losses bench-grading picture evening clean chromium postgresql
.DELETE_ON_ERROR:

serve: $(INSTALLED)
	@$(BIN)/python book/serve.py --check $(SITE) $(PORT)
	@$(MAKE) --no-print-directory --silent book
	@$(BIN)/python book/serve.py $(SITE) $(PORT)

book: $(BOOK)

# One page while it is written, and its pictures in build/page: PAGE=regression/huber.
page: $(WHEEL) chromium
	$(BIN)/python -m book.page $(PAGE)

# What the cells of a page cost in CPU; of all pages without PAGE, in a quarter of an hour.
seconds: $(WHEEL)
	$(BIN)/python -m book.seconds $(PAGE)

exercises: $(NOTEBOOKS)

test: lint $(BOOK) chromium postgresql
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

grade: $(INSTALLED)
	$(BIN)/python -m pytest tests/exercises -m slow -s

bench: bench-losses bench-grading

bench-losses: $(INSTALLED)
	$(BIN)/python -m benchmarks.losses $(LOSSES)

# Pair by pair against nbgrader's autograde, a quarter of an hour; then a class of its own.
bench-grading: $(INSTALLED)
	$(BIN)/python -m benchmarks.grading
	$(BIN)/python -m benchmarks.grading --class 1000

picture: $(BOOK) chromium
	$(BIN)/python -m book.picture

evening: $(INSTALLED) chromium
	$(BIN)/python -m book.evening

clean:
	rm -rf build losscourse/notebooks

$(INSTALLED): requirements.txt pyproject.toml
	@sh book/check_python.sh $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# A scratch database and release folder: the instructor's gradebook is not touched.
$(NOTEBOOKS): $(INSTALLED) $(call sources,exercises/source) $(wildcard exercises/nbgrader_config.py)
	rm -rf build/exercises losscourse/notebooks $(DOWNLOADS)/*.ipynb
	mkdir -p build/exercises losscourse/notebooks $(DOWNLOADS)
	for set in $(SETS); do \
	  (cd exercises && ../$(BIN)/nbgrader generate_assignment $$set --create --force \
	    --CourseDirectory.release_directory=../build/exercises/release \
	    --CourseDirectory.db_url=sqlite:///../build/exercises/scratch.db) && \
	  cp -R build/exercises/release/$$set losscourse/notebooks/ && \
	  cp build/exercises/release/$$set/*.ipynb $(DOWNLOADS)/ || exit 1; \
	done
	@touch $@

$(WHEEL): $(NOTEBOOKS) $(PACKAGE_SOURCES) pyproject.toml README.md LICENSE
	rm -f $(DOWNLOADS)/*.whl
	$(BIN)/hatchling build -t wheel -d $(DOWNLOADS)
	@touch $@

# The execution cache knows a page's code, not the package that it imports.
$(PACKAGE): $(INSTALLED) $(PACKAGE_SOURCES) $(call sources,book/_ext)
	rm -rf build/_build/.jupyter_cache build/_build/.doctrees
	@mkdir -p $(@D) && touch $@

# On failure the parsed pages go, so that the next call reports their warnings again.
$(BOOK): $(WHEEL) $(PACKAGE) _config.yml $(call sources,benchmarks) $(filter-out %/site.png,$(call sources,book))
	$(BIN)/jupyter-book build book --config _config.yml --path-output build \
	  -W -n --keep-going || { rm -rf build/_build/.doctrees; exit 1; }
	@ln -sfn _build/html $(SITE)
	@touch $@

chromium: $(INSTALLED)
	@sh book/chromium.sh $(BIN)

postgresql:
	@sh tests/grading/postgresql.sh
