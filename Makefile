# Everything a user or developer runs. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup budget setup-browser tools up down status logs demo explore demo-history unit test test-all test-torch test-grafana test-compose lint check format bench wheels packages pin env-dev

VENV := .venv/bin
STACK := $(VENV)/python -m stack
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$(PATH)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: ## .venv with pinned packages, Prometheus and Alertmanager in .tools/
	@stack/venv.sh stack
	@$(STACK) tools

up: setup ## start the stack (Docker where there is an engine, else natively), check it, print its addresses
	@$(STACK) up

down: ## stop it; data stays under var/
	@if [ -x $(VENV)/python ]; then $(STACK) down; else echo "nothing was set up here"; fi

status: ## check the running stack again
	@$(STACK) status

logs: ## the last lines of every service's log
	@$(STACK) logs

demo: setup ## train a real classifier on real digits and get its energy grade; with CO2: make demo ZONE=FR
	@stack/venv.sh demo
	@$(STACK) demo --zone "$(ZONE)"

budget: setup ## emission budgets: make budget ARGS='add team --limit 50kg --period month --user alice'
	@$(STACK) budget $(ARGS)

explore: setup ## train small models, each measured by epoch; a second time they are kept; ARGS='generate --kind pca'
	@stack/venv.sh demo
	@$(VENV)/python -m stack.explore $(ARGS)

demo-history: env-dev ## every dashboard with two weeks of a made-up laboratory, without Grafana; PORT=10145
	@$(VENV)/python -m grafana.history --port $${PORT:-10145}

env-dev: setup
	@stack/venv.sh dev

unit: env-dev ## the unit tests but the slow ones, in a minute
	@stack/unit.sh $(ARGS)

test: env-dev ## each sentence by one case, in ten minutes; sets itself up in a fresh clone
	@stack/test.sh $(ARGS)

test-all: env-dev ## every test with every repetition, as the nightly run of CI; half an hour
	@stack/test-all.sh $(ARGS)

setup-browser: ## install Chromium for the browser tests (as root on Debian); without it they are skipped
	@stack/browser.sh

test-torch: env-dev ## real PyTorch against the kernel's figures, and its models of make explore; downloads it (TORCH='torch==2.13.0+cpu' is smaller)
	@TORCH="$(TORCH)" stack/torch.sh $(ARGS)

test-compose: env-dev ## the containers in a Docker engine of their own (as root on Debian), with stand-ins for base images
	@GRAMWATT_TEST_COMPOSE=1 $(VENV)/pytest tests/compose -v $(ARGS)

test-grafana: env-dev ## every table of the dashboards through Grafana's own package from npm; skipped without npm
	@stack/grafana_data.sh $(ARGS)

lint: env-dev ## format, lint, types, imports, rules, dashboards
	@stack/check.sh

check: lint ## make lint, then make test
	@stack/test.sh

format: env-dev ## let ruff format and fix
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

bench: env-dev ## side-by-side measurements; each prints a ratio
	@stack/bench.sh

wheels: setup ## build the three packages into dist/
	@for each in client exporter labeler; do $(VENV)/python -m pip wheel --quiet --no-deps --wheel-dir dist ./$$each; done
	@ls dist

packages: env-dev ## build deb and rpm packages into dist/ (for PYTHON, of the distribution they are for)
	@deploy/packages/build.sh

pin: ## write constraints.txt anew with today's versions
	@stack/pin.sh
