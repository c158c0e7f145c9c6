# Every command of the project. CI runs these same verbs; `make help` lists them.
# What has been done is remembered in .venv/.stamps, so that a second run does only what changed.

SHELL := bash
.SHELLFLAGS := -euc
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PEER_APPS := tests/.environments/apps

# cargo, clippy and maturin must agree on the interpreter, or each rebuilds what the other built.
export PYO3_PYTHON := $(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What is started here is this tree, whatever another environment of the caller says.
unexport PYTHONPATH PYTHONHOME

RUST_SOURCES := $(shell find crates -name '*.rs' -o -name 'Cargo.toml' 2>/dev/null) \
                Cargo.toml $(wildcard Cargo.lock)

# Arguments for pytest: make test-unit ARGS='-k settings'
ARGS ?=

.PHONY: help
help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)


# --- set up -------------------------------------------------------------------------------------

.PHONY: setup
setup: $(STAMPS)/tests $(STAMPS)/engine  ## make .venv, install tools, build the engine

$(STAMPS)/venv:
	python=$$(tools/find_python.sh); "$$python" -m venv $(VENV)
	@# 25.1 is the first pip that reads dependency groups (PEP 735).
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	mkdir -p $(STAMPS); touch $@

$(STAMPS)/tools: $(STAMPS)/venv pyproject.toml
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(STAMPS)/packages-tests: tools/debian-packages.txt | $(STAMPS)/venv
	tools/install_debian_packages.sh tests
	touch $@

$(STAMPS)/packages-bench: tools/debian-packages.txt | $(STAMPS)/venv
	tools/install_debian_packages.sh bench
	touch $@

$(STAMPS)/tests: $(STAMPS)/tools $(STAMPS)/packages-tests $(STAMPS)/peer-apps
	touch $@

# The real applications that the system tests serve live apart: their pins are not ours.
$(STAMPS)/peer-apps: $(STAMPS)/venv $(wildcard tests/requirements-apps.txt)
	if [ -f tests/requirements-apps.txt ]; then \
	    $(BIN)/python -m venv $(PEER_APPS); \
	    $(PEER_APPS)/bin/python -m pip install --quiet --upgrade pip; \
	    $(PEER_APPS)/bin/python -m pip install --quiet -r tests/requirements-apps.txt; \
	fi
	touch $@


# --- build --------------------------------------------------------------------------------------

.PHONY: build
build: $(STAMPS)/engine  ## compile the engine into python/trivet

$(STAMPS)/engine: $(STAMPS)/tools pyproject.toml $(RUST_SOURCES)
	@command -v cargo >/dev/null || { \
	    echo 'cargo is missing: the engine is written in Rust'; \
	    echo 'hint: install a Rust toolchain, 1.88 or newer, for example with rustup'; exit 1; }
	@# maturin runs pip, which would list every requirement that is there already.
	PIP_QUIET=1 VIRTUAL_ENV=$(VENV) $(BIN)/maturin develop --release --quiet
	touch $@


# --- check --------------------------------------------------------------------------------------

.PHONY: test
test: lint types test-rust  ## everything; ends with pytest's summary line
	$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(STAMPS)/tools  ## formatting, lints, layers, workflows, links in the documents
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	PYTHONPATH=python $(BIN)/lint-imports --no-cache
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo fmt --manifest-path benchmarks/floor/Cargo.toml --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	@# A workspace of its own, which breaks when the engine's types change.
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --quiet -- -D warnings
	tools/check_workflows.sh $(BIN)
	$(BIN)/python tools/check_links.py

.PHONY: types
types: $(STAMPS)/tests $(STAMPS)/engine  ## mypy, and the engine's stub against the engine
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest trivet._engine

# The extension crate links to an interpreter only as a module, so its tests are the Python ones.
.PHONY: test-rust
test-rust: $(STAMPS)/tools  ## cargo's tests
	cargo test --workspace --exclude trivet-python --quiet
	cargo test --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --quiet

.PHONY: test-unit
test-unit: $(STAMPS)/tests $(STAMPS)/engine  ## tests without processes
	$(BIN)/python -m pytest tests/unit tests/contract benchmarks/tests $(ARGS)

.PHONY: test-system
test-system: $(STAMPS)/tests $(STAMPS)/engine  ## tests of real processes
	$(BIN)/python -m pytest tests/system $(ARGS)

.PHONY: storm
storm: $(STAMPS)/tests $(STAMPS)/engine  ## a million random requests to the built server
	$(BIN)/python -m pytest tests/system/test_storm.py -s --full-size $(ARGS)

.PHONY: differential
differential: $(STAMPS)/tests  ## two million random heads through our parser, h11 and llhttp
	TRIVET_TEST_HEADS=2000000 $(BIN)/python -m pytest tests/differential -s --timeout 3600 $(ARGS)

# The stable toolchain: what cargo-fuzz needs of a nightly one is let through.
FUZZ_SECONDS ?= 720
.PHONY: fuzz
fuzz:  ## every fuzz target for FUZZ_SECONDS; cargo install cargo-fuzz first
	for target in head chunked proxy_header forwarded connection; do \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run -s none --features libfuzzer $$target fuzz/corpus/$$target \
	        -- -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -print_final_stats=1; \
	done

.PHONY: test-pythons
test-pythons:  ## unit and contract tests on every other Python that is installed
	tools/test_pythons.sh

.PHONY: format
format: $(STAMPS)/tools  ## format Python and Rust
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	cargo fmt --all
	cargo fmt --manifest-path benchmarks/floor/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml


# --- documents and numbers ----------------------------------------------------------------------

.PHONY: generate
generate: $(STAMPS)/tools  ## write the pages and files that are made from tables
	PYTHONPATH=python $(BIN)/python -m trivet.settings.document
	PYTHONPATH=python $(BIN)/python -m trivet.observe.document --write docs/reference/events.md
	PYTHONPATH=python $(BIN)/python -m trivet.foreign.document
	$(BIN)/python -m tests.security.document --write
	$(BIN)/python -m tests.corpus.document --write

.PHONY: docs
docs: generate  ## generated pages, and every link inside the documentation
	$(BIN)/python tools/check_links.py

.PHONY: bench
bench: $(STAMPS)/engine $(STAMPS)/packages-tests $(STAMPS)/packages-bench  ## CPU per request, Trivet beside its peers
	$(BIN)/python -m benchmarks compare $(ARGS)

.PHONY: bars
bars: $(STAMPS)/engine $(STAMPS)/packages-tests $(STAMPS)/packages-bench  ## every bar of docs/concepts/performance.md: met or missed
	$(BIN)/python -m benchmarks bars $(ARGS)

.PHONY: clean
clean:  ## remove everything that was built or installed here
	rm -rf .venv target dist build tests/.environments benchmarks/.environments \
	    benchmarks/results \
	    .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find python tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
	rm -f python/trivet/_engine*.so
