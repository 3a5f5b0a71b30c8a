# The project's commands. `make repro` and `make test` set a fresh machine up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_WAIT_POLICY := PASSIVE

.PHONY: repro test lint check fuzz torture audit ui web runtime bench tables setup lock

repro: setup  # the sample unless data/ holds another source, then every stage whose inputs have changed
	@emopipe run

test: setup  # all tests, in minutes; ARGS="-m server" for some
	@OMP_NUM_THREADS=1 pytest -n 2 $(ARGS)

lint: setup  # style, types, and the form of the workflow
	@ruff check
	@ruff format --check
	@mypy --num-workers 2
	@check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

check: lint  # in about a minute: and the tests that start no process, train nothing and open no store
	@OMP_NUM_THREADS=1 pytest -n 2 -m "not slow"

fuzz: setup  # the tests with damaged inputs and files, 10,000 of each kind, and with 2,000 made-up layouts of folders
	@EMOPIPE_MUTATIONS=10000 OMP_NUM_THREADS=1 pytest -n 2 -k damaged tests/test_predict.py tests/test_serve.py tests/test_damaged_files.py
	@EMOPIPE_LAYOUTS=2000 OMP_NUM_THREADS=1 pytest tests/test_layouts.py

torture: setup  # 200 runs of the pipeline that are killed at a random moment, some hours; ARGS="--kills 10" for fewer
	@python benchmarks/torture.py $(ARGS)

audit: setup  # known vulnerabilities of the pinned versions; needs the network
	@$(BIN)/uvx --quiet --from pip-audit==2.10.1 pip-audit --strict --require-hashes --disable-pip -r requirements.lock

ui: setup  # MLflow's pages on this machine
	@emopipe ui

web: setup runtime  # emotions in the browser, with the exported model
	@emopipe web

runtime: setup  # onnxruntime-web for the page, once: from npm, by its hash
	@python tools/web_runtime.py

bench: setup  # figures of this machine, side by side
	@python benchmarks/inference.py
	@python benchmarks/live.py
	@python benchmarks/serve.py
	@python benchmarks/training.py
	@python benchmarks/data.py usual

tables: setup  # the README's result tables, from the reports
	@python tools/readme_tables.py

setup: $(READY)

# The programs in .venv/bin name its folder: in a project that was moved or copied they are installed again.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

# uv installs from the lock file, checks every hash, and byte-compiles: that halves the start of each stage.
$(READY): requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "emopipe needs Python 3.11, 3.12 or 3.13; got $$($(PYTHON) --version). Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing the pinned dependencies into $(VENV) (7 GB on disk, some minutes, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r bootstrap.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

lock: setup  # needs the network; rewrites requirements.lock, and libraries.yaml from it
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock
	$(BIN)/python tools/libraries.py
