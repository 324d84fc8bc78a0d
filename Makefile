# Every command of the project; `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
VENV := .venv
BIN := $(VENV)/bin

# passed on as typed: names and notes may hold anything, even a $
ARGUMENTS := DATA PARTIAL VARS FULL_REFRESH ORACLE LIMIT TIMEOUT MODEL CONCURRENCY SINCE TICKETS REFRESH TICKET LABELS \
	CAPACITY PLAN LEVEL MIN_ARR CHURNED OWNER CUSTOMER OUTCOME NOTE BY AT FORMAT BASE_PATH PORT \
	SCALE RUNS ONLY MEMORY_LIMIT HISTORY PAGE REPLACE RECORD
$(foreach name,$(ARGUMENTS),$(eval override $(name) := $$(value $(name))))
export $(ARGUMENTS)

OPTIONS = $${PARTIAL:+--partial} $${VARS:+--vars "$$VARS"}

.DEFAULT_GOAL := help
.PHONY: help run publish show list explain log-outcome export reports reports-serve reports-dev reports-pdf screenshots backtest enrich tickets analyze clear-enrichment evaluate-enrichment load watch sample spark parity test test-fast test-slow test-spark bench lint docs clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 21

run: $(VENV)/.runtime  ## build everything and print who to call first [DATA=folder or .zip] [PARTIAL=1] [VARS="{...}" [RECORD=1]] [FULL_REFRESH=1]
	@$(BIN)/churn run $${DATA:+--data "$$DATA"} $(OPTIONS) $${RECORD:+--record} $${FULL_REFRESH:+--full-refresh}

publish: $(VENV)/.runtime  ## copy the warehouse to a read-only file that you can query during a build, build/published/churn.duckdb [REPLACE=1]
	@$(BIN)/churn publish $${REPLACE:+--replace}

show: $(VENV)/.runtime  ## print the list of the last build again
	@$(BIN)/churn show

list: $(VENV)/.runtime  ## print this week's calls [CAPACITY=20] [PLAN=] [LEVEL=High|Medium] [MIN_ARR=] [CHURNED=1] [OWNER=]
	@$(BIN)/churn list $${CAPACITY:+--capacity "$$CAPACITY"} $${PLAN:+--plan "$$PLAN"} $${LEVEL:+--level "$$LEVEL"} \
		$${MIN_ARR:+--min-arr "$$MIN_ARR"} $${CHURNED:+--churned} $${OWNER:+--owner "$$OWNER"}

explain: $(VENV)/.runtime  ## explain a score, rule by rule and row by row: CUSTOMER= [AT=YYYY-MM-DD]
	@test -n "$$CUSTOMER" || { echo "Name a customer: make explain CUSTOMER=<id>" >&2; exit 2; }
	@$(BIN)/churn explain $${AT:+--at "$$AT"} -- "$$CUSTOMER"

log-outcome: $(VENV)/.runtime  ## log the outcome of a contact: CUSTOMER= OUTCOME= [NOTE=] [BY=] [AT=]; more: churn outcome --help
	@test -n "$$CUSTOMER" || { echo "Name a customer: make log-outcome CUSTOMER=<id> OUTCOME=contacted" >&2; exit 2; }
	@$(BIN)/churn outcome add $${NOTE:+--note "$$NOTE"} $${BY:+--by "$$BY"} $${AT:+--at "$$AT"} -- "$$CUSTOMER" "$$OUTCOME"

export: $(VENV)/.runtime  ## write the list to files for other tools [CUSTOMER=] [FORMAT=csv,xlsx,tasks,hubspot,salesforce,markdown,pdf,digest]
	@$(BIN)/churn export $${CUSTOMER:+--customer "$$CUSTOMER"} $${FORMAT:+--format "$$FORMAT"}

reports: $(VENV)/.runtime  ## build the pages for leadership and customer success, build/reports [BASE_PATH=/path]; needs Node
	@$(BIN)/churn reports $${BASE_PATH:+--base-path "$$BASE_PATH"}

reports-serve: $(VENV)/.runtime  ## serve the pages to a browser on this machine [PORT=3000]
	@$(BIN)/churn reports serve $${PORT:+--port "$$PORT"}

reports-dev: $(VENV)/.runtime  ## preview the pages while you edit reports/pages [PORT=3000]
	@$(BIN)/churn reports dev $${PORT:+--port "$$PORT"}

reports-pdf: $(VENV)/.dev  ## print the executive page to build/reports.pdf; needs Chromium
	@$(BIN)/churn reports pdf

screenshots: $(VENV)/.dev  ## take the screenshots in docs/images again; needs Chromium
	@$(BIN)/churn reports screenshots

backtest: $(VENV)/.runtime  ## print whether past warnings came true [ORACLE=1: on generated data with known causes]
	@$(BIN)/churn backtest $${ORACLE:+--oracle}

enrich: $(VENV)/.runtime  ## let a local model read tickets [LIMIT=50|all] [MODEL=] [TIMEOUT=60] [CONCURRENCY=] [SINCE=] [TICKETS=] [REFRESH=1]
	@$(BIN)/churn enrich $${LIMIT:+--limit "$$LIMIT"} $${MODEL:+--model "$$MODEL"} $${TIMEOUT:+--timeout "$$TIMEOUT"} \
		$${CONCURRENCY:+--concurrency "$$CONCURRENCY"} $${SINCE:+--since "$$SINCE"} \
		$${TICKETS:+--tickets "$$TICKETS"} $${REFRESH:+--refresh}

tickets: $(VENV)/.runtime  ## list the ticket files that make enrich can read by name
	@$(BIN)/churn tickets

analyze: $(VENV)/.runtime  ## let the model read one ticket: TICKET=text or file, or standard input
	@$(BIN)/churn analyze $${MODEL:+--model "$$MODEL"} $${TIMEOUT:+--timeout "$$TIMEOUT"} -- "$${TICKET:--}"

clear-enrichment: $(VENV)/.runtime  ## hide all readings so far from tables and scores; deletes nothing
	@$(BIN)/churn clear-enrichment

evaluate-enrichment: $(VENV)/.runtime  ## measure how well the model reads labelled messages [LABELS=file] [LIMIT=100|all] [MODEL=]
	@$(BIN)/churn evaluate-enrichment $${LABELS:+--labels "$$LABELS"} $${LIMIT:+--limit "$$LIMIT"} \
		$${MODEL:+--model "$$MODEL"} $${TIMEOUT:+--timeout "$$TIMEOUT"} $${CONCURRENCY:+--concurrency "$$CONCURRENCY"}

load: $(VENV)/.runtime  ## check and load your files without building: DATA=folder or .zip [PARTIAL=1]
	@test -n "$$DATA" || { echo "Name your files: make load DATA=<folder or .zip>" >&2; exit 2; }
	@$(BIN)/churn load "$$DATA" $${PARTIAL:+--partial}

watch: $(VENV)/.runtime  ## rebuild whenever the files change [DATA=folder or .zip]
	@$(BIN)/churn watch $${DATA:+--data "$$DATA"} $${VARS:+--vars "$$VARS"}

sample: $(VENV)/.runtime  ## generate the bundled sample in seeds/saas again
	@$(BIN)/churn sample

spark: $(VENV)/.dev  ## build everything on Apache Spark [DATA=folder or .zip] [VARS="{...}"] [SPARK_MASTER=]; needs Java
	@$(BIN)/churn spark $${DATA:+--data "$$DATA"} $(OPTIONS) $${SPARK_MASTER:+--cluster}

parity: $(VENV)/.dev  ## compare every table of DuckDB and Spark, row by row [DATA=folder or .zip] [VARS="{...}"]; needs Java
	@$(BIN)/churn parity $${DATA:+--data "$$DATA"} $${VARS:+--vars "$$VARS"} $${SPARK_MASTER:+--cluster}

test: $(VENV)/.dev  ## run the tests that every commit must pass
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-fast: $(VENV)/.dev  ## run the tests that build nothing, in about a minute
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not builds"

test-slow: $(VENV)/.dev  ## run the slow tests: Spark, millions of rows, killed commands; needs Java
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

test-spark: $(VENV)/.dev  ## run only the tests of Spark; needs Java
	@$(BIN)/python -m pytest tests/python/test_spark.py tests/python/test_spark_cluster.py

bench: $(VENV)/.dev  ## measure a build beside hand-written SQL, pandas and Spark [SCALE="1 10 100"] [RUNS=] [MEMORY_LIMIT=1GB] [HISTORY=1] [ONLY=dbt] [PAGE=1]
	@$(BIN)/python benchmarks/scale.py $${SCALE:-100} $${RUNS:+--runs "$$RUNS"} $${ONLY:+--only $$ONLY} \
		$${MEMORY_LIMIT:+--memory-limit "$$MEMORY_LIMIT"} $${HISTORY:+--history} $${PAGE:+--page}

lint: $(VENV)/.dev  ## check style, types and conventions
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint models tests --disable-progress-bar
	@$(BIN)/dbt parse --quiet --target-path target/lint
	@$(BIN)/dbt-bouncer run

docs: $(VENV)/.runtime  ## write the data dictionary to one page, build/docs/index.html
	@$(BIN)/churn docs

clean:  ## remove everything that can be built again; never data/
	rm -rf target logs build warehouse/*.duckdb warehouse/*.duckdb.wal warehouse/*.duckdb.tmp warehouse/*.json warehouse/*.lock

# the runtime environment, and the one with developer tools; both from hashed lock files
define install
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" \
		|| { echo "Python 3.11 to 3.13 is needed; name one: make PYTHON=/path/to/python" >&2; exit 2; }
	@echo "Installing from $(1), once ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	$(command)
	@touch $@
endef

# replaces pip's own `churn`, which does not start in a folder with a " or a $ in its name
define command
@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$(readlink -f "$$0")")/python" -P -m churn "$$@"' > $(BIN)/churn
@chmod +x $(BIN)/churn
endef

$(VENV)/.runtime: requirements.lock pyproject.toml
	$(call install,requirements.lock)

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(call install,requirements-dev.lock)
