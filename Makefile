# rnnzoo: the verbs.  `make help` lists them.  Each does the set-up that it needs.

VENV  := .venv
LIGHT := .venv-light
BIN   := $(VENV)/bin
READY := $(VENV)/.ready

spec    ?= experiments/first.yaml
workers ?=
trials  ?=

.DEFAULT_GOAL := help
.PHONY: help setup light wheels sweep plan status report gallery ui test test-all bench bench-gpu check accept docs docs-links docs-figures demo-page lock build wheel-check clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  spec=FILE chooses the experiment ($(spec)); workers=N and trials=N go to the sweep."

setup: $(READY)  ## .venv from requirements.lock; does nothing when it is up to date
	@:

$(READY): requirements.lock pyproject.toml
	@sh tools/setup.sh $(VENV)

light: $(LIGHT)/.ready  ## .venv-light, 96 MB: what checks and shows cells, and trains nothing
	@:

$(LIGHT)/.ready: requirements.lock pyproject.toml
	@sh tools/setup.sh $(LIGHT) cells

wheels: $(READY)  ## wheels/: what WHEELS=wheels make setup needs on a like machine without a network
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock -d wheels
	@du -sh wheels

sweep: $(READY)  ## run an experiment, or resume it
	@$(BIN)/rnnzoo sweep "$(spec)" $(if $(workers),--workers $(workers)) $(if $(trials),--trials $(trials))

plan: $(READY)  ## what would run, and how long it would take
	@$(BIN)/rnnzoo plan "$(spec)" $(if $(workers),--workers $(workers)) $(if $(trials),--trials $(trials))

status: $(READY)  ## how far an experiment has got
	@$(BIN)/rnnzoo status "$(spec)"

report: $(READY)  ## write the report of an experiment once more
	@$(BIN)/rnnzoo report "$(spec)"

gallery: $(READY)  ## pages of all cells, into runs/gallery
	@$(BIN)/rnnzoo gallery

ui: $(READY)  ## MLflow's pages, on this machine only
	@$(BIN)/rnnzoo ui

test: $(READY)  ## the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: $(READY)  ## the tests, with the slow ones, on code that XLA optimises; shard=1/4 for a part
	@XLA_FLAGS= RNNZOO_TEST_ALL=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(if $(shard),--shard $(shard))

bench: $(READY)  ## cells beside their peers, one core: an hour; cells="lstm gru" shapes="0 4" for less
	@test -x .bench/bin/python || sh tools/peers.sh .bench
	@$(BIN)/python -m benchmarks.beside
	@$(BIN)/python -m benchmarks.data
	@$(BIN)/python -m benchmarks.reports
	@$(BIN)/python -m benchmarks $(if $(cells),--cells $(cells)) $(if $(shapes),--shapes $(shapes))

bench-gpu: $(READY)  ## kernels and populations on a GPU: 8 minutes; json=FILE for all figures; column=1 for a paper's study
	@$(BIN)/python -m benchmarks.gpu $(if $(json),--json $(json)) $(if $(column),--column)

check: $(READY)  ## lint, types, architecture
	@$(BIN)/ruff format --check rnnzoo tests tools benchmarks
	@$(BIN)/ruff check rnnzoo tests tools benchmarks
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_architecture.py

accept: $(READY)  ## rewrite expected messages, and the tables of operations and hyper-parameters; read the diff
	@$(BIN)/python -m tools.operations
	@$(BIN)/python -m tools.keys
	@RNNZOO_ACCEPT=1 $(BIN)/python -m pytest tests/test_bad_specs.py

docs: $(READY)  ## the docs site, into build/docs/html: a minute, of which the gallery takes most
	@$(BIN)/python -m tools.site

docs-links: $(READY)  ## whether the addresses in the docs answer; needs the network
	@$(BIN)/python -m tools.site --no-gallery --addresses

docs-figures: $(READY)  ## draw the pictures of docs/: a minute, of which trainings take most
	@$(BIN)/python tools/docs_figures.py
	@$(BIN)/python -m tools.studies
	@$(BIN)/python -m tools.paper_tables
	@KERAS_BACKEND=jax $(BIN)/python -m tools.layer_gradients
	@$(BIN)/rnnzoo gradients rnn lstm gru --task temporal_order --set task.length=60 --set units=48 \
		--set learning_rate=0.005 --set training.clip=1 --set training.epochs=30 --out docs/figures/gradients.svg
	@$(BIN)/rnnzoo report experiments/studies/long_term.yaml >runs/long_term.txt
	@cp runs/long_term/report/growth-adding.svg runs/long_term/report/growth-temporal_order.svg docs/figures
	@$(BIN)/rnnzoo report experiments/studies/greff2015.yaml >runs/greff2015.txt
	@for one in distribution importance; do \
		cp runs/greff2015/report/$$one-jsb_chorales.svg docs/figures/greff2015-$$one.svg; done

demo-page: $(READY)  ## make the page of `rnnzoo demo` from its table once more
	@$(BIN)/python -m tools.demo

lock: $(READY)  ## resolve requirements.lock anew (hashes, no address)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --upgrade \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

build: $(READY)  ## the wheel, into dist/, in place of an older one
	@rm -f dist/*.whl
	@$(BIN)/python -m hatchling build -t wheel

wheel-check: build  ## the wheel installed on its own, and a sweep with it: some minutes and 4 GB of room
	@sh tools/wheel.sh

clean:  ## delete .venv and caches; runs/ stays
	@rm -rf $(VENV) $(LIGHT) wheels .bench dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
