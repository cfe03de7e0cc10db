# `make` lists the targets. Everything that is downloaded or built lands in bin/, build/, .cache/
# and in Go's own caches; `make clean` removes the first two.

SHELL       = /bin/bash -o pipefail
GO         ?= go
FUZZTIME   ?= 20s
DURATION   ?=
PLANS      ?= 200
RUNS       ?= 50
V          ?= false
SEED       ?= 1
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI    = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
TOOLCHAIN   = $(shell awk '$$1 == "toolchain" { print $$2 }' go.mod)
GOFILES     = $(shell git ls-files --cached --others --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')
E2E         = ./internal/testing/e2e/...
UNIT        = $(shell $(GO) list ./... | grep -vE '/internal/testing/e2e$$')
VERSION    ?= $(shell git describe --tags --dirty 2>/dev/null)

.PHONY: help
help: ## list the targets (this one)
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## both binaries, into bin/; they need nothing of the system, not even a libc
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '-s -w -X github.com/decahose/telegraf-decahose/internal/release.linked=$(VERSION)' -o bin/ ./cmd/telegraf-decahose ./cmd/decahose-sim

.PHONY: run
run: build ## the main job: stream -> Telegraf -> files, with a live summary (DURATION=30s stops by itself)
	@$(GO) build -o build/tools/run ./tools/run && exec ./build/tools/run $(if $(DURATION),-duration $(DURATION))

.PHONY: test
test: lint unit e2e ## everything: lint, unit, scripts, bubbles, fuzz seeds, race, end to end under a real Telegraf

.PHONY: lint
lint: ## gofmt, vet, go fix, staticcheck
	@unformatted=$$(gofmt -l $(GOFILES)); [ -z "$$unformatted" ] || { echo "gofmt -w is wanted by:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) fix -diff ./...
	$(STATICCHECK) ./...

.PHONY: lint-full
lint-full: ## golangci-lint: .golangci.yml is Telegraf's set, and says why where ours differs (ten minutes the first time, since it is built first; no part of test)
	$(GOLANGCI) run ./...

.PHONY: vulncheck
vulncheck: ## known vulnerabilities that our code reaches, with go.mod's toolchain; the database comes as a module, as all else does
	dir=$$($(GO) mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p') && \
		GOTOOLCHAIN=$(TOOLCHAIN) $(GOVULNCHECK) -db "file://$$dir/data/osv" ./...

.PHONY: unit
unit: ## all tests but the end-to-end ones; once more under the race detector, the longest of them thinned out (-short)
	$(GO) test -timeout 30m $(UNIT)
	$(GO) test -race -short -timeout 30m $(UNIT)

.PHONY: e2e
e2e: stock telegraf ## real Telegraf, real sockets, real processes (the plugin under the race detector), faults
	RIG_RACE=1 $(GO) test -count=1 -parallel 4 -timeout 8m $(E2E)

OLDEST      = 1.30.3
.PHONY: e2e-oldest
e2e-oldest: ## the same under the oldest Telegraf that is supported: start, stop, kill, hostile text, acknowledged
	TELEGRAF_VERSION=$(OLDEST) $(GO) run ./tools/telegraf -stock
	TELEGRAF_VERSION=$(OLDEST) $(GO) test -count=1 -parallel 4 -timeout 8m $(E2E) \
		-run '^(TestHostileText|TestOrderlyRestart|TestReload|TestKilledPluginLosesNothing|TestStopInMidStreamLosesNoLine|TestAcknowledged.*|TestCheck.*|TestOutputsThatHideARefusal)$$'

.PHONY: telegraf
telegraf: ## a Telegraf with our plugins compiled in, into bin/ (TAGS=outputs.file,... chooses its other plugins)
	@$(GO) run ./tools/telegraf -o bin/telegraf$(if $(TAGS), -tags '$(TAGS)')

.PHONY: stock
stock: ## build the trimmed stock Telegraf of the tests once (a few minutes the first time, then cached)
	@$(GO) run ./tools/telegraf -stock

.PHONY: soak
soak: ## PLANS=200 random fault plans in fake time, judged by the simulator's truth (SEED=1)
	@$(GO) test ./internal/sim/oracle -run TestRandomPlans -count=1 -timeout 4h -v -args -plans $(PLANS) -seed $(SEED) | grep -vE '^ *(=== |--- PASS|PASS$$|ok  )'

.PHONY: crash
crash: stock ## RUNS=50 kills of the real binary under a real Telegraf, at random and between writes (SEED=1)
	@$(GO) test -c -o build/tools/crash ./internal/testing/crash && exec ./build/tools/crash -test.run TestCrashes -test.v=$(V) -test.timeout 4h -test.parallel 2 -runs $(RUNS) -seed $(SEED)

.PHONY: soak-delivery
soak-delivery: stock telegraf ## RUNS=50 disasters of sink, Telegraf and plugin in the acknowledged and compiled-in modes (SEED=1)
	@$(GO) test -c -o build/tools/soak ./internal/testing/soak && exec ./build/tools/soak -test.run TestDelivery -test.v=$(V) -test.timeout 6h -test.parallel 2 -runs $(RUNS) -seed $(SEED)

.PHONY: two-sites
two-sites: stock ## examples/two-sites: site A was down, and fills itself from the archive of site B (two minutes)
	@$(GO) test ./internal/testing/e2e -run TestTwoSites -count=1 -timeout 5m -v -args -two-sites | grep -vE '^ *(=== |--- PASS|PASS$$|ok  |[a-z_]+\.go:[0-9]+: the agent stopped)'

.PHONY: test-stores
test-stores: stock ## real stores behind a Telegraf that drops Tweets: the audit finds them, the repair brings them back (STORE=SQLite: one of them)
	@$(GO) test -c -o build/tools/stores ./internal/testing/stores && exec ./build/tools/stores -stores -test.run 'TestStores/$(STORE)' -test.v=$(V) -test.timeout 15m -test.parallel 5

.PHONY: mutants
mutants: ## small wrong edits (internal/testing/mutation), each of which a test must notice (NAMES="a b": these only)
	@$(GO) build -o build/tools/mutants ./tools/mutants && GO='$(GO)' exec ./build/tools/mutants $(NAMES)

.PHONY: faults
faults: stock ## the cases of ../shared/faults, where they are: faults N held N failed N (CASES="lock http" runs these only)
	@tools/faults $(CASES)

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (20s)
	@GO='$(GO)' tools/fuzz $(FUZZTIME)

.PHONY: volumes
volumes: ## what the judge of volumes makes of DAYS=1000 simulated days a row; writes the tables and pictures of docs/volumes.md
	@$(GO) build -o build/tools/volumes ./tools/volumes && exec ./build/tools/volumes -days $(or $(DAYS),1000) -docs docs

.PHONY: picture
picture: ## docs/groups.svg: the groups of packages, and which imports which
	@$(GO) run ./tools/picture

.PHONY: bench
bench: ## the figures of docs/performance.md
	cd bench && $(GO) run .

.PHONY: clean
clean: ## remove bin/ and build/ (not .cache/, which holds Telegraf)
	rm -rf bin build
