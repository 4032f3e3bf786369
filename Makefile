# make check       while you work: formatting, vet, staticcheck, every test with the race detector
# make check-full  the gate: check, and what takes longer
# make build       dist/ncolony and the programs beside it, static, for this machine
# make image       the container image ncolony, from this build and without a registry
# make man         manual pages, in dist/man
# make sim         100,000 random schedules on paper; SIM=1 SEED=n for one of them
# make explore     every order of events, for every alphabet
# make planted     bugs planted in copies of the source, to see that they are found
# make chaos       a minute of kills, upgrades and edits with 200 services
# make soak-log    a minute of output by 550 services, while logger and supervisor are killed
# make survival    upgrades and kills with 1,000 services, and the benchmarks of the core
# make vm          limits of control groups in a virtual machine, where this one has none
#                  (VM_KERNEL=path, if it is not in /boot)
# make load        ncolony-serve with 10,000 services, 1,000 requests a second and 2,000 subscribers
# make bench       ncolony beside other supervisors and bare loops: docs/performance.md
#                  (ONLY=restart,start PEERS=s6,runit ROUNDS=5; QUICK=1 to see whether it works)
# make bench-peers installs what Debian has of the others, for that
# make fuzz        each fuzz target for FUZZTIME

SHELL      = /bin/bash
GO        ?= go
FUZZTIME  ?= 30s
REPEAT    ?= 20
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
LDFLAGS   = -s -w -X main.version=$(VERSION)

.PHONY: check check-full build image man fmt vet tidy staticcheck test test-full test-colony test-others repeat sim explore planted planted-some chaos soak-log survival vm bench bench-peers fuzz load clean

check: fmt tidy vet staticcheck test

check-full: fmt tidy vet staticcheck test-full
	./testdata/readme.sh

# As what is shipped is built; and each package is compiled once for all of it.
vet staticcheck test-colony explore planted-some planted: export CGO_ENABLED = 0

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi

tidy:
	$(GO) mod tidy -diff

# The supervisor is Linux; programs that beat, and people who write specs, are not only there.
# For another processor it is enough to look at what speaks to the kernel by itself.
ARM = ./colony/... ./internal/... ./heart/... ./logs ./probe ./forward ./cmd/ncolony ./cmd/ncolony-heartcheck ./cmd/ncolony-log ./cmd/ncolony-probe
vet:
	GOOS=linux GOARCH=amd64 $(GO) vet ./...
	GOOS=linux GOARCH=arm64 $(GO) vet $(ARM)
	$(GO) vet -tags man ./cmd/ncolony-ctl
	GOOS=darwin $(GO) vet ./heart ./ctl/... ./colony/spec
	GOOS=freebsd $(GO) vet ./heart ./ctl/... ./colony/spec

staticcheck:
	$(STATICCHECK) ./...

test:
	CHAOS=10s SOAK=10s $(GO) test -p 4 -race -short -timeout 240s ./...

# The race detector is for what has goroutines of its own. What runs whole programs, and
# the supervisor's own tests, which are the longest, are under it in check, the short ones;
# here they run without it. Most tests wait most of the time: two of these run at once.
PROGRAMS = ./bench/... ./clients/... ./cmd/... ./docs/... ./examples/... ./image ./serve/web
test-full:
	$(MAKE) --no-print-directory --output-sync=target -j 2 test-colony test-others

test-colony:
	$(GO) test -parallel 8 -timeout 500s ./colony
	$(MAKE) --no-print-directory explore planted-some

test-others:
	CGO_ENABLED=0 CHAOS=10s SOAK=10s SERVICES=200 $(GO) test -p 3 -timeout 500s $(PROGRAMS)
	$(GO) test -race -timeout 500s $$($(GO) list ./... | grep -vxFf <($(GO) list ./colony $(PROGRAMS)))

# A test that fails once in twenty runs is a bug, in the code or in the test.
repeat:
	$(GO) test -race -short -count=$(REPEAT) -timeout 60m ./colony

# A failure names its seed and tells the shortest schedule that was found to fail.
SIM ?= 100000
sim:
	SIM=$(SIM) $(GO) test -count=1 -v -run TestSimulation -timeout 30m ./colony

explore:
	EXPLORE=all $(GO) test -count=1 -v -run TestExplore -timeout 30m ./colony

planted-some: # a sixth of them
	PLANT=some $(GO) test -count=1 -v -run TestPlantedBugs -timeout 30m ./colony

planted:
	PLANT=all $(GO) test -count=1 -v -run TestPlantedBugs -timeout 30m ./colony

# Supervisor and services are killed, upgraded and edited for a minute; in the end all has to agree.
chaos:
	CHAOS=60s $(GO) test -count=1 -v -run TestChaos -timeout 10m ./bench

# What each of 550 services has written is in its files, byte for byte; some gigabytes on the disk.
soak-log:
	SOAK=60s $(GO) test -count=1 -v -run TestSoakLog -timeout 10m ./bench

# Promises kept through upgrades and kills; its times are printed and not asserted.
survival:
	SERVICES=1000 $(GO) test -count=1 -v -run TestSurvival -timeout 10m ./bench
	$(GO) test -run '^$$' -bench . ./colony

# Needs qemu-system-x86, busybox-static and a kernel (linux-image-cloud-amd64, which need not
# be installed: apt-get download, dpkg-deb -x); emulated, it takes minutes. Nothing of cgo, so
# that the binary of the tests needs no libraries in the machine.
VM_RUN ?= Limits|Group|FullLife
vm:
	CGO_ENABLED=0 VM='$(VM_RUN)' $(GO) test -count=1 -v -run TestInAMachine -timeout 25m ./colony

# Its times are printed, beside those of a bare server, and not asserted.
load:
	LOAD=1 $(GO) test -count=1 -v -run TestLoad -timeout 5m ./serve

# Figures: a table, and bench/out/ with JSON and charts. A quiet machine and most of an hour for all of it.
ROUNDS ?= 5
bench:
	$(GO) build -o bench/out/bin/measure ./bench/measure
	bench/out/bin/measure -version '$(VERSION)' -only '$(ONLY)' -peers '$(PEERS)' -rounds $(ROUNDS) $(if $(QUICK),-quick)

# Only to be measured with; daemons that Debian starts by itself are better off in a container.
bench-peers:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends supervisor runit s6 daemontools tini dumb-init strace

# Minimizing what is merely interesting would take most of the time. What is found is
# among the seeds from then on; go test may also fail because the time is over.
fuzz:
	@for t in $$(grep -rhoE '^func Fuzz[A-Za-z]+' --include=*_test.go . | sed 's/func //' | sort -u); do \
		pkg=./$$(dirname $$(grep -rlE "^func $$t\(" --include=*_test.go .)); \
		echo "$$pkg $$t"; $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg || $(GO) test -run "^$$t\$$" $$pkg || exit 1; done

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/ ./cmd/...

image: build
	DOCKER_BUILDKIT=0 docker build --target local -t ncolony:$(VERSION) -t ncolony .

man:
	$(GO) run -tags man ./cmd/ncolony-ctl man dist/man

clean:
	rm -rf dist bench/out
