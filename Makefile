# Everything is set up in .venv by the first target that needs it. Needs Python ≥ 3.11 and nothing else.
PYTHON ?= python3
BIN := .venv/bin

# Whatever the caller's shell says: without bytecode each process of the tests compiles a thousand modules again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run web test lint types check web-check screenshots bench bench-budget bench-logs bench-log-faults bench-cache clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.ready  ## set everything up in .venv

.venv/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lockgate needs Python 3.11 or later; try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode
	@$(BIN)/python -m compileall -q src
	@touch $@

web: setup  ## build the dashboard, if it has changed
	@$(BIN)/python web/build.py || { [ $$? = 3 ] && echo "So it comes from PyPI, for this tree alone." && $(BIN)/uv sync --quiet --frozen --inexact --group web && $(BIN)/python web/build.py; }

run: setup  ## start the gateway at http://localhost:8787 (ARGS="--port 9000" for more)
	@$(MAKE) --silent web || echo "The dashboard could not be built; the gateway starts without it."
	@$(BIN)/lockgate serve $(ARGS)

test: setup  ## run the tests
	@$(BIN)/pytest -n 2 $(ARGS)

lint: setup  ## check style and floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup  ## check types
	@$(BIN)/pyright

web-check: web  ## check types and tests of the dashboard
	@$(BIN)/python web/build.py --check

screenshots: web  ## draw the README's pictures anew, in chromium; writes docs/images
	@$(BIN)/python web/pictures.py

check: lint types web-check test  ## all of it

bench: setup  ## the governed benchmark against nginx, Portkey and LiteLLM; writes docs/benchmark.md
	@$(BIN)/python -m bench.governed --write docs/benchmark.md $(ARGS)

bench-budget: setup  ## workers race for one budget while they are killed (ARGS="--json")
	@$(BIN)/python -m bench.budget $(ARGS)

bench-logs: setup  ## ingest, size, pages and graphs of the request log (ARGS="--records 10000000")
	@$(BIN)/python -m bench.logs $(ARGS)

bench-log-faults: setup  ## kill -9 at random, 100 times under load: what is missing in the log (ARGS="--stall 600" to stop it instead)
	@$(BIN)/python -m bench.log_faults $(ARGS)

bench-cache: setup  ## what a cache that matches by meaning finds and gets wrong, cross-validated; writes docs/caching.md (1 min)
	@$(BIN)/python -m bench.cache --write docs/caching.md $(ARGS)

clean:  ## remove .venv and caches
	@rm -rf .venv .bench .ruff_cache .artifacts web/node_modules src/lockgate/http/dashboard/built
