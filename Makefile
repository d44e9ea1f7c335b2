# Everything that is made here at run time lives in node_modules, dist, cdktf.out and .local.
.DEFAULT_GOAL := help
BUILD := .local/build/local
FAULTS := faults contention archive_and_purge delete_effects restore restore_proof snapshot workers processes kills

# Pinned: the Go checksum database holds its sum.
TRIVY := github.com/aquasecurity/trivy/cmd/trivy@v0.74.0

.PHONY: help machine setup glue-environment demo down contract test year kills faults marathon drill runbook workers packages hcl readme site bench compare first-deploy examples deployer-calls binaries keep-release trivy format

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: setup ## Deploy the environment "local" to servers on this machine and show what it made
	@node $(BUILD)/commands/demo.js

down: ## Stop what make demo left running
	@if [ -f $(BUILD)/commands/down.js ]; then node $(BUILD)/commands/down.js; else echo "Nothing was running"; fi

contract: setup ## Run the web app's contract on what make demo left running
	@node $(BUILD)/commands/contract.js

test: setup ## Run every test
	@node $(BUILD)/commands/test.js

year: setup ## Play a year of use on the local environment, into .local/year (an hour or more)
	@node $(BUILD)/commands/year.js

kills: glue-environment ## Kill backup, archive, purge and restore before each of their steps, and run them again
	@cd glue && ../.local/venv/glue/bin/python -m pytest tests/test_kills.py --every-model --every-boundary

faults: glue-environment ## Let processes, S3, the server, the disk and the clocks fail on every data model of the tests (an hour)
	@cd glue && ../.local/venv/glue/bin/python -m pytest $(FAULTS:%=tests/test_%.py) --every-model --every-boundary

marathon: glue-environment ## Kill 200 runs at random moments while a client writes, look for a lost row (MODEL=film-rental for another model)
	@cd glue && ../.local/venv/glue/bin/python -m tests.kill_marathon --model $(or $(MODEL),x-ray) --kills $(or $(KILLS),200) --seed 2026

drill: glue-environment ## Back up, purge and restore a million rows into an empty server, and compare
	@cd glue && ../.local/venv/glue/bin/python -m tests.restore_drill --boxes 1000000

runbook: glue-environment ## Lose what the runbook tells of, with a million rows and more, and write the minutes into docs/runbook/README.md
	@cd glue && RUNBOOK_TRANSACTIONS=200000 ../.local/venv/glue/bin/python -m pytest tests/test_runbook.py
	@RUNBOOK=whole npx jest runbook.test --selectProjects mysql terraform -i
	@cd glue && ../.local/venv/glue/bin/python -m tests.runbook_table
	@npx prettier --write --log-level warn docs/runbook/README.md

workers: glue-environment ## Back a million boxes up on one worker and on two, in the rebuilt runtimes of Glue
	@cd glue && ../.local/venv/glue/bin/python -m tests.glue_runtime.measure --boxes 1000000

packages: setup ## Install both packages into fresh projects: peers x modules x package managers x Node.js, and plan them
	@node $(BUILD)/commands/pack-matrix.js --whole

hcl: setup ## Plan the HCL of every environment, and hold it against the plan of its JSON
	@HCL=whole npx jest hcl.test --selectProjects terraform -i

readme: setup ## Follow the README from an empty folder to a plan, with each package and the newest versions of all others
	@node $(BUILD)/commands/readme.js

site: setup ## Build the documentation's site into .local/site, and look at every page in Chromium (minutes)
	@ALL_PAGES=true npm --prefix site run --silent check

bench: setup ## Measure, into bench/results.json (SIZES="10000 100000" for less, BACKUP_ONLY=20000000 for one more)
	@node .local/build/bench/run.js $(if $(SIZES),--sizes $(SIZES)) $(if $(BACKUP_ONLY),--backup-only $(BACKUP_ONLY))

compare: setup ## Hold docs/schema/comparison.md against Flyway, Liquibase, Atlas and Skeema
	@npx jest -c __tests__/schema-tools/jest.config.js -i

first-deploy: glue-environment ## Run docs/first-deploy.md on the emulator, from an empty account to a proved backup
	@npx jest -c __tests__/first-deploy/jest.config.js -i

examples: setup ## Deploy each example to the emulator (two or three minutes each)
	@npx jest -c __tests__/examples/jest.config.js -i

deployer-calls: setup ## Hold the deployer's policy against what Terraform calls on the emulator (UPDATE=true writes it down)
	@npx jest -c __tests__/deployer-calls/jest.config.js -i

binaries: setup ## Run the end-to-end tests with each of terraform and tofu that is on this machine (half an hour)
	@for binary in terraform tofu; do \
	  command -v $$binary > /dev/null || { echo "$$binary is not on this machine: not run"; continue; }; \
	  TERRAFORM_BINARY_NAME=$$binary node $(BUILD)/commands/test.js "jest e2e" || exit 1; \
	done

keep-release: setup ## Keep this version's addresses and a state of prod, over which the tests of later versions plan
	@node $(BUILD)/commands/keep-release.js

trivy: setup ## Build trivy with the machine's Go (minutes), and run it on the stacks; make test runs it where it is there
	@test -x .local/bin/trivy || GOEXPERIMENT=jsonv2 CGO_ENABLED=0 GOBIN=$(CURDIR)/.local/bin go install -ldflags="-s -w" $(TRIVY)
	@npx jest --selectProjects policy -i -t "trivy on"

format: setup ## Format and fix what can be fixed
	@npm run --silent format

# Python and the database server that the suites of glue/tests work with.
glue-environment: setup
	@node $(BUILD)/commands/set-up-glue.js

setup: machine node_modules/.package-lock.json ## Install npm packages and compile the tools
	@npm run --silent build
	@npx tsc -p local/tsconfig.json
	@test -z "$$(find src sql scripts/draw-architecture.mjs -newer docs/architecture.svg)" || node scripts/draw-architecture.mjs

machine:
	@test -w . || { echo "Error: this folder is read-only: copy the repository to a folder that can be written to" >&2; exit 1; }
	@command -v npm > /dev/null || { echo "Error: npm is not on this machine: install Node.js 20.19 or later, which brings it (https://nodejs.org)" >&2; exit 1; }

# Few and short retries: a machine without network is told so in seconds. A registry that never answers would hold npm ci for
# minutes, so a small question goes first; without an answer npm's cache must hold all. The folder npm-ci.lock keeps a second
# make out.
node_modules/.package-lock.json: package.json package-lock.json | machine
	@mkdir -p .local/log
	@mkdir .local/npm-ci.lock 2> /dev/null || { echo "Error: another make installs the npm packages in this folder: wait for its end (after a crash: rmdir .local/npm-ci.lock)" >&2; exit 1; }
	@echo "npm ci: a minute or so"
	@trap 'rmdir .local/npm-ci.lock' EXIT; trap 'echo "Interrupted. Stopped: npm ci"; exit 130' INT TERM; \
	  npm view picocolors version --fetch-retries=0 --fetch-timeout=10000 > .local/log/npm-ci.log 2>&1 || offline=--offline; \
	  npm ci $$offline --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 >> .local/log/npm-ci.log 2>&1 \
	  || { echo "Error: npm ci failed, is the npm registry reachable? (log: .local/log/npm-ci.log)" >&2; exit 1; }
	@touch $@
