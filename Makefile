# The commands of this project. Each sets up what it needs. `make` alone lists them.
SHELL := bash
.DEFAULT_GOAL := help
TARGETS := help setup build dev demo test test-slow check bench soak prove fuzz release deploy clean
.PHONY: $(TARGETS)

# What is passed over in silence would let `make deploy --env staging` or `make deploy ENV=staging` deploy to production.
VARIABLES := APP BASE CARGO% CHROMIUM CLOUDFLARE_% D1_LOCATION D1_WRITES DEPLOY_% EVENTS FIREFOX PORT ROUNDS RUST% SCREENSHOTS SECONDS SEED TUNNEL URL WRANGLER%
given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
unknown := $(filter-out $(TARGETS),$(MAKECMDGOALS)) $(filter-out $(VARIABLES) MAKE% -%,$(given))
ifneq ($(strip $(unknown)),)
$(error there is no target or variable $(strip $(unknown)): nothing was done)
endif

help: ## this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## install the tools that are missing
	@scripts/setup.sh

build: ## build the Worker into build/, and print and check its size
	@scripts/build.sh

dev: ## serve the Worker at http://127.0.0.1:8787 (PORT=…; TUNNEL=1 for a public address)
	@scripts/dev.sh

demo: ## serve the page with a day of made-up data, some of it failed, until Ctrl-C (PORT=…)
	@scripts/demo.sh

test: ## run the tests: the rules natively, the built Worker on the real runtime, the page in a browser
	@scripts/test.sh

test-slow: ## run the tests that take long: release and bundle, demo, Firefox, memory, thousands of events through kills
	@scripts/test-slow.sh

check: ## check format, lints, and the licences and sources of dependencies
	@scripts/check.sh

bench: ## measure the Worker and JavaScript that does the same (ROUNDS=3 for a quick run, BASE=<folder> for another build beside it); writes docs/benchmarks.md
	@scripts/bench.sh

soak: ## kill the Worker and its engines under load, and search for each acknowledged event (EVENTS=100000 SEED=1 D1_WRITES=batched)
	@scripts/soak.sh

prove: ## show on a deployment of its own what the tests show here (URL=https://… APP=1400000000); writes docs/proof.md
	@scripts/prove.sh

# make passes on the variable, but to bash SECONDS is its own clock.
fuzz: ## fuzz what reads calls, messages, settings and records (SECONDS=60 for each)
	@DURATION=$(SECONDS) scripts/fuzz.sh

release: ## make dist/unfollow-webhook-<version>.tgz, which is served and deployed without Rust
	@scripts/release.sh

deploy: ## deploy the database and the Worker to Cloudflare and check its health (D1_LOCATION=apac for a new database in Asia)
	@scripts/deploy.sh

clean: ## remove build output
	@rm -rf build dist target .wrangler
