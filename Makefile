# Commands for users and developers. `make` alone lists them.

PYTHON := .venv/bin/python
DIR ?= .stack
NODES ?= 1
STORE ?= sqlite
LAYERS := lint unit contract service e2e chaos

.DEFAULT_GOAL := help
.PHONY: help demo up down test bench setup format $(LAYERS)

help:
	@echo 'make demo           try it: hub, service and docker engine; runs one Method; leaves the hub running'
	@echo 'make demo ONCE=1    the same, checks the result, ends everything'
	@echo 'make down           end the demo'
	@echo 'make test           install everything, run linters and all tests'
	@echo
	@echo 'make $(LAYERS)   one layer; ARGS="-k name" goes to pytest'
	@echo 'make format         rewrite the code in the one style'
	@echo 'make bench          measure; ARGS=--quick takes 3 minutes; docs/performance.md explains'
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

format:
	@scripts/setup.sh dev
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

bench:
	@scripts/setup.sh bench
	@$(PYTHON) -m benchmarks $(ARGS)

setup:
	@scripts/setup.sh test
