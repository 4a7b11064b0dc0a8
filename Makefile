# make help lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Where the end-to-end tests leave their reports.
RUNS ?= runs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/seatrial and bin/seatrial-agent-linux-<arch> beside it
	go build -trimpath -o bin/seatrial ./cmd/seatrial
	CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '-s -w' -o bin/seatrial-agent-linux-$$(go env GOARCH) ./cmd/seatrial-agent

# A simulated trial hands one baton on, which is nothing for the race detector to
# find but makes it ten times as slow. So sweeps of many seeds and of many points
# try a few with it, and all without it.
test: ## unit tests, with the race detector and sweeps without it; needs Go alone
	go vet ./...
	go test -race -shuffle=on -timeout 40m ./...
	go test -shuffle=on -timeout 20m ./cmd/seatrial ./cluster/sim
	cd examples/gotest && go vet ./... && go test -short -shuffle=on ./...

e2e: docker node-image ## the same on real kind, from nothing
	SEATRIAL_E2E=1 go test -count=1 -timeout 30m -v ./cluster/kind
	SEATRIAL_E2E=1 go test -count=1 -timeout 30m -v -run TestE2E ./cmd/seatrial
	SEATRIAL_E2E=1 go test -count=1 -timeout 30m -v -p 1 -run TestE2E ./seatrialtest/...
	cd examples/gotest && SEATRIAL_REQUIRE=kind go test -count=1 -timeout 20m -v -run OnARealCluster ./...

e2e-all: docker node-image ## all that e2e has no time for, in hours; goes on where it stopped (SCENARIOS="…" for some)
	$(if $(SCENARIOS),,SEATRIAL_E2E=all go test -count=1 -timeout 1h -v -run '^TestAll' ./cluster/kind)
	SEATRIAL_E2E=all SEATRIAL_E2E_RUNS="$(abspath $(RUNS))/e2e-all" SCENARIOS="$(SCENARIOS)" \
		go test -count=1 -timeout 24h -v -run "$(if $(SCENARIOS),^TestAllScenarios,^TestAll)" ./cmd/seatrial

fidelity: docker node-image ## hold the simulator against kind; writes docs/fidelity.md (SCENARIOS="…" for others)
	go run ./hack/fidelity $(SCENARIOS)

docker: ## bring up a Docker daemon where there is none
	hack/docker-up

node-image: docker ## pull kind's node image, or build one where that cannot be
	go run ./hack/node-image

lint: ## gofmt, go vet, staticcheck
	hack/lint

vuln: ## known vulnerabilities; asks the Go vulnerability database
	hack/lint vuln

# How long each target is fuzzed.
FUZZTIME ?= 60s

fuzz: ## fuzz every target for 60 s (FUZZTIME=10m for longer)
	@set -e; grep -rn --include='*_test.go' '^func Fuzz' . | \
	  sed 's|^\(.*\)/[^/]*:[0-9]*:func \(Fuzz[A-Za-z]*\).*|\1 \2|' | while read -r package target; do \
	    echo "fuzzing $$target of $$package"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
	  done

bench: ## absolute speed, beside a peer or a floor; the load engine beside vegeta, k6, fortio and wrk, in an hour (BENCH="-scenarios stall -repeats 2" for less)
	go run ./hack/bench $(BENCH)
	go test -run '^$$' -bench . -benchmem ./load/... ./journal/...
	GOMAXPROCS=1 go test -run '^$$' -bench 'Requests|Events' -benchtime 2000000x -benchmem ./cluster/sim/...
	GOMAXPROCS=1 go test -run '^$$' -bench AnHour -benchtime 1x ./cluster/sim
	go test -run '^$$' -bench 'TenMillion|TenMinutes' -benchtime 3x ./report
	if docker info >/dev/null 2>&1; then SEATRIAL_E2E=1 go test -run '^$$' -bench E2EStart -benchtime 1x ./cmd/seatrial; fi

power: ## comparisons in the simulator: 1,000 of equal variants, 200 of a p99 a fifth higher; minutes on all cores
	SEATRIAL_POWER=1 go test -count=1 -timeout 2h -v -run TestPower ./cmd/seatrial

.PHONY: help build test e2e e2e-all fidelity docker node-image lint vuln fuzz bench power
