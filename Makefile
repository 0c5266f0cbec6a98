# Commands for users and developers. `make` alone lists them.

PYTHON := .venv/bin/python
DIR ?= .stack
NODES ?= 1
STORE ?= sqlite
LAYERS := lint unit contract service e2e chaos

.DEFAULT_GOAL := help
.PHONY: help demo up down test conformance bench bench-agency bench-ogc bench-growth bench-ui simulate setup format soak ui $(LAYERS)

help:
	@echo 'make demo           try it: hub, service and docker engine; runs one Method; leaves the hub running'
	@echo 'make demo ONCE=1    the same, checks the result, ends everything'
	@echo 'make down           end the demo'
	@echo 'make test           install everything, run linters and all tests'
	@echo
	@echo 'make $(LAYERS)   one layer; ARGS="-k name" goes to pytest'
	@echo 'make conformance    the official suite of OGC API - Processes, where it can be had (docs/ogc.md)'
	@echo 'make format         rewrite the code in the one style'
	@echo 'make ui             build what the browser shows, after a change below labextension/'
	@echo 'make soak           random faults on a long load; ARGS="--tasks 150 --faults 20"; docs/reliability.md explains'
	@echo 'make bench          measure; ARGS=--quick takes 3 minutes; docs/performance.md explains'
	@echo 'make bench-agency   the same beside CC-Agency 9.3.0; ARGS=--quick takes 3 minutes'
	@echo 'make bench-ogc      the OGC API beside pygeoapi; ARGS=--quick takes 3 minutes'
	@echo 'make bench-growth   the rate of sleeping Tasks with 1 to 8 engines'
	@echo 'make bench-ui       the views of JupyterLab with 10,000 Executions and 5,000 Methods; ARGS=--quick'
	@echo 'make simulate       the scheduler with 1,000 Nodes and 100,000 Tasks; ARGS="--tasks 10000 --seed 2"'
	@echo 'make up DIR=folder [NODES=2] [STORE=sqlite] [TLS=1]    a development stack; folder/stack.json says where'
	@echo 'make down DIR=folder                                   end it'

demo:
	@scripts/setup.sh demo
	@$(PYTHON) -m scripts.demo $(if $(ONCE),--once)

up:
	@scripts/setup.sh test
	@$(PYTHON) -m tests.stack up --dir $(DIR) --nodes $(NODES) --store $(STORE) $(if $(TLS),--tls)

# Without DIR on the command line: the demo.
down:
ifeq ($(origin DIR),file)
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m scripts.demo --down; else echo 'nothing is running: there is no .venv'; fi
else
	@$(PYTHON) -m tests.stack down --dir $(DIR)
endif

test:
	@scripts/setup.sh test
	@$(PYTHON) -m scripts.check

$(LAYERS):
	@scripts/setup.sh test
	@$(PYTHON) -m scripts.check $@ $(if $(ARGS),-- $(ARGS))

conformance:
	@scripts/setup.sh test
	@$(PYTHON) -m tests.conformance

format:
	@scripts/setup.sh dev
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .
	@npm run --prefix labextension format

ui:
	@scripts/setup.sh dev

bench:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks $(ARGS)

bench-agency:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks.agency $(ARGS)

bench-ogc:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks.ogc $(ARGS)

bench-growth:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks.growth $(ARGS)

bench-ui:
	@scripts/setup.sh test
	@$(PYTHON) -m benchmarks.ui $(ARGS)

simulate:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks.simulate $(ARGS)

soak:
	@scripts/setup.sh test
	@$(PYTHON) -m tests.chaos.soak $(ARGS)

setup:
	@scripts/setup.sh test
