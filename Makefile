# Every target sets itself up: a clean clone and Go 1.26 are enough.
# `make` alone prints this list.

GO       ?= go
TOOL      = $(GO) tool -modfile=.ci/tools/go.mod
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS   = -X main.version=$(VERSION)
BENCHTIME ?= 1s
BENCH     ?= .
FUZZTIME  ?= 30s
CONFORM   ?= 60s
ENDURE    ?= 30m
CARGO    ?= cargo
RUST      = --manifest-path cmd/router-pingora/Cargo.toml --locked
GOFILES   = $(shell git ls-files -co --exclude-standard '*.go')

HAVE_CARGO = command -v $(CARGO) >/dev/null
NO_CARGO   = echo "NOT TRIED: the Rust side (cmd/router-pingora): no cargo here; https://rustup.rs has it"

.DEFAULT_GOAL := help
.PHONY: help deps build build-pingora demo test test-go test-rust bench bench-peers conform conform-lines lint fmt golden determinism soak endure peers external fuzz fuzz-wire planted mutate truth clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

deps: ## fetch modules and tools; say which Debian packages each target wants, and as root install those of test and determinism
	$(GO) mod download
	$(GO) mod download -modfile=.ci/tools/go.mod
	@if $(HAVE_CARGO); then $(CARGO) fetch $(RUST); else $(NO_CARGO); fi
	@.ci/packages test determinism

build: ## build bin/lockstep, without machine paths and stamped with the version
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lockstep ./cmd/lockstep

build-pingora: ## build cmd/router-pingora/target/release: router-pingora and shim (Rust 1.95; minutes the first time)
	$(CARGO) build --release $(RUST) --bins

demo: build ## control plane, router and four cells to break, in one process
	bin/lockstep demo

test: test-rust test-go ## all tests; those of the Rust side, and the suite over both routers, where cargo is

test-rust: ## tests of the Rust side, and its two programs for the tests that follow; without cargo: says what was not tried
	@if $(HAVE_CARGO); then \
		$(CARGO) test $(RUST) --workspace && $(CARGO) build $(RUST) -p router-pingora && \
		$(CARGO) build --release $(RUST) -p lockstep-trace --bin shim; \
	else $(NO_CARGO); fi

test-go: ## tests of the Go side
	$(GO) test ./...

bench-peers: build build-pingora ## both routers, ReverseProxy, nginx and HAProxy side by side (as root it installs them); cmd/bench/README.md has the method
	@.ci/packages peers | grep 'make peers'
	$(GO) run ./cmd/bench run

bench: ## all benchmarks (BENCHTIME=1s, BENCH=regexp)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

lint: ## golangci-lint with the linters of .golangci.yml, tests behind build tags included; clippy and rustfmt
	$(TOOL) golangci-lint run --build-tags peers,external ./...
	@if $(HAVE_CARGO); then $(CARGO) fmt --manifest-path cmd/router-pingora/Cargo.toml --all --check && \
		$(CARGO) clippy $(RUST) --workspace --all-targets -- --deny warnings; else $(NO_CARGO); fi

fmt: ## gofumpt and rustfmt, in place
	$(TOOL) gofumpt -w $(GOFILES)
	@if $(HAVE_CARGO); then $(CARGO) fmt --manifest-path cmd/router-pingora/Cargo.toml --all; else $(NO_CARGO); fi

golden: ## regenerate traces/**/*.ndjson; review the diff before you commit it
	$(GO) test ./traces/story -rewrite

determinism: build ## one digest: twice, on 1 and 2 cores, -race, GOAMD64, two releases of Go, 386, arm64 and s390x
	.ci/determinism

conform: build ## Go's core against Rust's: every vector, then generated configurations and events for CONFORM=60s, shrunk at a difference
	$(CARGO) build --release $(RUST) -p lockstep-trace --bin shim
	bin/lockstep conform --for $(CONFORM) -- cmd/router-pingora/target/release/shim

conform-lines: ## one line of either core is changed, four times each: conform must find it and shrink it (minutes; not in CI)
	LOCKSTEP_LINES=1 $(GO) test ./cmd/lockstep -run OneLineThatIsChanged -count=1 -timeout 20m -v

soak: ## the main job over real sockets with 200,000 requests: serve, break, reload, replay, explain
	LOCKSTEP_JOB_REQUESTS=200000 $(GO) test ./cmd/lockstep -run TestRealTraffic -count=1 -v

endure: ## 5,000 req/s with crashes, pushes and two hot upgrades, every failure explained, all replayed (ENDURE=30m)
	LOCKSTEP_ENDURE=$(ENDURE) $(GO) test ./cmd/lockstep -run TestLoadWithCrashes -count=1 -timeout 60m -v

peers: ## beside nginx, HAProxy and router-pingora: the hygiene suite as a table, access logs, a translated configuration (as root it installs them)
	@.ci/packages peers | grep 'make peers'
	$(GO) test -tags peers -count=1 -run Peers -v ./adapters/http1 ./adapters/accesslog
	$(GO) test -tags peers -count=1 -v ./adapters/configimport
	@if $(HAVE_CARGO); then $(CARGO) build --release $(RUST) --bins && \
		LOCKSTEP_ROUTER_PINGORA=$(CURDIR)/cmd/router-pingora/target/release/router-pingora $(GO) test -tags peers -count=1 -run RouterPingora -v ./adapters/http1; else $(NO_CARGO); fi

external: ## curl, h2spec and gRPC's interop client against serve, as the tables in adapters/edge/README.md say
	@.ci/packages external | grep 'make external'
	$(GO) test -tags external -count=1 -timeout 20m ./adapters/edge/external

fuzz: ## Go's native fuzzing of simulated cases (FUZZTIME=30s); for a configuration of yours: lockstep fuzz
	$(GO) test ./sim/fuzz -run '^$$' -fuzz FuzzCase -fuzztime $(FUZZTIME) -fuzzminimizetime 10x

fuzz-wire: ## Go's native fuzzing of what comes from outside: requests, responses, logs, others' configurations, recordings (FUZZTIME=30s each; not in CI)
	$(GO) test ./adapters/http1 -run '^$$' -fuzz FuzzRequests -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	$(GO) test ./adapters/upstream -run '^$$' -fuzz FuzzWhatPasses -fuzztime $(FUZZTIME) -fuzzminimizetime 10x
	@for t in adapters/accesslog:FuzzParse adapters/accesslog:FuzzLogFormat adapters/accesslog:FuzzJSON adapters/configimport:FuzzHAProxy \
		adapters/configimport:FuzzEnvoy adapters/configdiff:FuzzExpect traces:FuzzFrames traces/index:FuzzFile; do \
		$(GO) test ./$${t%%:*} -run '^$$' -fuzz "^$${t##*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; done

planted: ## the table of planted bugs in sim/README.md: nine searches for each (minutes; not in CI)
	PLANTED=9 $(GO) test ./sim/fuzz -timeout 1500s -run PlantedBugsMeasured -v

mutate: ## mutation score of core by its own tests (half an hour; not in CI); core/MUTATION.md judges it
	@mkdir -p out
	GOFLAGS='-vet=off -ldflags=-s' $(TOOL) gremlins unleash --workers 2 --timeout-coefficient 15 --exclude-files '^loop/' --output out/mutation.json ./core

truth: ## what-if against the truth, every scenario and change (minutes; not in CI); the table of traces/whatif/README.md
	WHATIF_TRUTH=100000 $(GO) test ./cmd/lockstep -run TestAWhatIfPredicts -count=1 -timeout 30m -v

clean: ## remove what the targets above made
	rm -rf bin out
