# Everything a contributor or CI runs. `make` alone prints this list.
# `make demo` and `make test` need nothing but Go; lint and fmt build their tool first.

SHELL       := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory
GO          ?= go
LINT        := bin/golangci-lint
# Packages whose state is shared between goroutines or connections.
RACE_PKGS   ?= ./hnsw/... ./lexical/... ./internal/shadow ./sqlext/... ./server/...
# Minutes of arithmetic or SQL under the detector, on one goroutine and one connection.
RACE_SKIP   ?= ^(TestRecall|TestRecallAskedFor|TestIncludedFilters|TestNormsVary|TestRandomFilters|TestConformance|TestCorruptShadowRows)$$
# Packages that have assembly, or sit directly on it.
KERNEL_PKGS := ./vector/... ./hnsw/...
# Fuzzing is bounded by executions, so that two runs do the same work.
FUZZ_EXECS  ?= 20000x
CI_STEPS    := fmt-check generated vet lint noasm arm64 cross race demo \
               test-loadable test-hosts test-hosts-arm64 stress-hosts examples test-packages test-clients test

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## import real text and embeddings, build both indexes, search them (under 10 s)
	$(GO) run ./cmd/nearlite demo

.PHONY: test
test: ## all tests
	$(GO) test ./...

.PHONY: short
short: ## the quick tests only
	$(GO) test -short ./...

# Each sequence is a few dozen random statements, checked against an exact model after each.
SEQUENCES   ?= 2000
.PHONY: nightly
nightly: ## the long random tests: 2,000 sequences of statements and 5,000 filters, against exact answers; 200 shared files
	$(GO) test -run '^TestModel$$' -timeout 3h ./hnsw -rapid.checks=$(SEQUENCES)
	$(GO) test -run '^TestModel$$' -timeout 3h ./sqlext -rapid.checks=$(SEQUENCES)
	$(GO) test -run '^(TestRandomFilters|TestIncludedFilters)$$' -timeout 1h ./sqlext -filters 5000
	$(GO) test -run '^TestHabits$$' -timeout 1h ./sqlext -habits 200

.PHONY: race
race: ## the packages that share state, under the race detector
	$(GO) test -race -short -timeout 20m -skip '$(RACE_SKIP)' $(RACE_PKGS)

.PHONY: test-clients
test-clients: ## published libSQL clients (JavaScript, Go) against nearlite serve
	$(GO) build -o bin/nearlite ./cmd/nearlite
	cd server/clienttest && npm ci --no-audit --no-fund --silent && NEARLITE=$(CURDIR)/bin/nearlite PAGE_SHOTS=$(CURDIR)/dist/page node --test --test-concurrency=1 .
	cd server/clienttest/goclient && NEARLITE=$(CURDIR)/bin/nearlite $(GO) test ./...

.PHONY: test-loadable
test-loadable: ## the adapter of the extension, in a C program's SQLite; needs what make extension needs
	CGO_ENABLED=1 $(GO) vet -tags loadable ./sqlext/loadable/...
	CGO_ENABLED=1 $(GO) test -race -tags loadable ./sqlext/loadable/...

# better-sqlite3 is compiled from its source with the headers below NODE_DIR, which takes
# about two minutes; without the first variable it would look for a binary elsewhere.
NODE_DIR    ?= /usr
.PHONY: node-hosts
node-hosts: tests/hosts/node/node_modules/.built
tests/hosts/node/node_modules/.built: tests/hosts/node/package-lock.json
	cd tests/hosts/node && npm_config_build_from_source=true npm_config_nodedir=$(NODE_DIR) npm ci --no-audit --no-fund --silent
	@touch $@

.PHONY: test-hosts
test-hosts: extension node-hosts ## the same SQL in the sqlite3 shell, Python, better-sqlite3, libsql (npm) and the Go driver
	$(GO) build -o bin/hosttest ./tests/hosts/gohost
	/usr/bin/python3 tests/hosts/run.py dist/nearlite.so bin/hosttest
	node tests/hosts/node/names.js dist/nearlite.so docs/loadable.md
	/usr/bin/python3 tests/hosts/safety.py dist/nearlite.so
	tests/hosts/newer-sqlite.sh bin/newer
	LD_LIBRARY_PATH=bin/newer /usr/bin/python3 tests/hosts/safety.py dist/nearlite.so

.PHONY: test-hosts-arm64
test-hosts-arm64: extension-arm64 ## the same SQL in Debian's sqlite3 shell for arm64, under qemu-user-static
	$(GO) build -o bin/hosttest ./tests/hosts/gohost
	tests/hosts/arm64-root.sh bin/arm64
	/usr/bin/python3 tests/hosts/run.py dist/arm64/nearlite.so bin/hosttest --arm64 bin/arm64

.PHONY: stress-hosts
stress-hosts: extension node-hosts ## threads and 1,000 connections in Python, worker threads in Node
	/usr/bin/python3 tests/hosts/stress.py dist/nearlite.so
	node tests/hosts/node/workers.js dist/nearlite.so

.PHONY: examples
examples: extension node-hosts ## the examples of the extension print what they should
	examples/run.sh tests/hosts/node/node_modules

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZ_EXECS executions (default 20000x)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "==> $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ_EXECS) $$pkg; \
	  done; \
	done

.PHONY: fmt
fmt: $(LINT) ## format all Go files (gofumpt, imports in three groups)
	$(LINT) fmt

.PHONY: fmt-check
fmt-check: $(LINT)
	@$(LINT) fmt --diff || { echo "not formatted: run make fmt"; exit 1; }

.PHONY: lint
lint: $(LINT) ## golangci-lint with the rules of .golangci.yml
	$(LINT) run ./...
	if test -e $(SQLITE_INCLUDE)/sqlite3ext.h; then $(LINT) run --build-tags loadable ./sqlext/loadable/...; fi

.PHONY: vet
vet: ## go vet here, and for arm64 where the assembly differs
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet $(KERNEL_PKGS)

.PHONY: noasm
noasm: ## build and test the kernels and the graph without assembly
	$(GO) build -tags noasm ./...
	$(GO) test -short -tags noasm $(KERNEL_PKGS)

.PHONY: arm64
arm64: ## the kernels' tests for arm64, under qemu-user-static
	@if command -v qemu-aarch64-static >/dev/null; then \
	  CGO_ENABLED=0 GOARCH=arm64 $(GO) test -short -exec qemu-aarch64-static ./vector; \
	elif [ "$$CI" = true ]; then echo "qemu-aarch64-static is missing"; exit 1; \
	else echo "skipped: qemu-aarch64-static is missing (Debian: qemu-user-static)"; fi

# Compiling SQLite takes over a minute of processor time for each system, so CI builds for one.
CROSS       ?= linux/arm64 darwin/arm64 windows/amd64
.PHONY: cross
cross: ## build the command for the other systems (CROSS="GOOS/GOARCH ...")
	@set -e; for t in $(CROSS); do \
	  echo "build $$t"; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/nearlite; \
	done

# SQLite binds the symbols of its extensions globally; -Bsymbolic keeps two Go libraries in one process apart.
EXTENSION_BUILD := CGO_ENABLED=1 $(GO) build -tags loadable -trimpath -buildmode=c-shared
EXTENSION_LIB   := ./sqlext/loadable/lib
# Where sqlite3.h and sqlite3ext.h are; they are the same for every processor.
SQLITE_INCLUDE  ?= /usr/include

.PHONY: extension
extension: ## dist/nearlite.so for any SQLite >= 3.38; needs a C compiler and libsqlite3-dev
	@mkdir -p dist
	$(EXTENSION_BUILD) -ldflags '-s -w -extldflags=-Wl,-Bsymbolic' -o dist/nearlite.so $(EXTENSION_LIB)
	@rm -f dist/nearlite.h

.PHONY: extension-arm64
extension-arm64: ## dist/arm64/nearlite.so, cross-built; needs gcc-aarch64-linux-gnu and libc6-dev-arm64-cross
	@mkdir -p dist/arm64/include && cp $(SQLITE_INCLUDE)/sqlite3.h $(SQLITE_INCLUDE)/sqlite3ext.h dist/arm64/include
	GOOS=linux GOARCH=arm64 CC=aarch64-linux-gnu-gcc CGO_CFLAGS="-O2 -g -I$(CURDIR)/dist/arm64/include" \
	  $(EXTENSION_BUILD) -ldflags '-s -w -extldflags=-Wl,-Bsymbolic' -o dist/arm64/nearlite.so $(EXTENSION_LIB)
	@rm -rf dist/arm64/nearlite.h dist/arm64/include

# On a Mac, for its own processor or, with GOARCH, for the other. Its linker binds within the library anyway.
.PHONY: extension-macos
extension-macos: ## dist/nearlite.dylib, on a Mac with Xcode's tools and SQLite's headers
	@mkdir -p dist
	GOOS=darwin $(EXTENSION_BUILD) -ldflags '-s -w' -o dist/nearlite.dylib $(EXTENSION_LIB)
	@rm -f dist/nearlite.h

# arm64's library is in the packages if it has been built: make extension-arm64.
.PHONY: packages
packages: extension ## an npm package and Python wheels in dist/, ready to publish
	/usr/bin/python3 packages/build.py dist

.PHONY: test-packages
test-packages: packages node-hosts ## install the packages in empty environments and use them
	/usr/bin/python3 packages/test/test.py dist tests/hosts/node/node_modules

.PHONY: generate
generate: ## write generated files anew
	$(GO) generate ./...

.PHONY: generated
generated:
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && $(GO) run -C vector/_gen . -dir "$$tmp" && \
	for f in "$$tmp"/*; do \
	  diff -q "$$f" "vector/$${f##*/}" || { echo "vector/$${f##*/} is not what vector/_gen writes: run make generate"; exit 1; }; \
	done

# Folders of DATA with filters, and sqlite-vec's prebuilt extension.
FILTERED    ?= wordnet glove100
VEC0        := $(CURDIR)/bin/sqlite-vec/node_modules/sqlite-vec-linux-x64/vec0.so
# Folders of DATA with judged queries.
JUDGED      ?= scifact cranfield cacm wordnet

.PHONY: bench
bench: ## every Go benchmark once, to see that they run
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

.PHONY: bench-kernels
bench-kernels: ## every kernel in every tier this machine has, beside plain Go and vek
	$(GO) run ./bench/kernels

.PHONY: bench-ann
bench-ann: need-data ## recall against speed beside hnswlib and an exact scan; DATA=DIR, see bench/ann
	$(GO) run ./bench/ann -data $(DATA)

.PHONY: bench-hosts
bench-hosts: extension ## one search through the extension in Python beside the Go driver, 512-d, k=10; DATA=DIR is optional
	$(GO) run ./bench/hosts $(if $(DATA),-data $(DATA))

.PHONY: bench-filter
bench-filter: need-data ## filtered search, each plan beside the planner's choice and sqlite-vec; DATA=DIR, see bench/filter
	@test -e $(VEC0) || npm install --no-audit --no-fund --silent --prefix bin/sqlite-vec sqlite-vec-linux-x64@0.1.9 || echo "npm install failed: without sqlite-vec"
	$(GO) run ./bench/filter $$(test -e $(VEC0) && echo -vec0 $(VEC0)) $(addprefix $(DATA)/,$(FILTERED))

.PHONY: bench-tenants
bench-tenants: ## 100,000 tenants in one partitioned index (1.27 million rows, synthetic)
	$(GO) run ./bench/tenants

.PHONY: bench-hybrid
bench-hybrid: need-data ## text and hybrid search beside FTS5 and scorch, quality and speed; DATA=DIR, see bench/hybrid
	$(GO) run ./bench/hybrid $(addprefix $(DATA)/,$(JUDGED))

.PHONY: bench-fusion
bench-fusion: need-data ## ways to join words and vectors on judged collections; DATA=DIR, see bench/fusion
	$(GO) run ./bench/fusion $(addprefix $(DATA)/,$(JUDGED))

.PHONY: need-data
need-data:
	@test -n "$(DATA)" || { echo "DATA is not set, want the folder of the data sets"; exit 1; }

.PHONY: check
check: fmt-check vet lint short ## what to run before a commit

.PHONY: ci
ci: ## all that CI runs, in order, ending with the tests
	@start=$$SECONDS; for step in $(CI_STEPS); do \
	  echo "==> make $$step ($$((SECONDS - start)) s so far)"; $(MAKE) $$step CROSS=linux/arm64 || exit 1; \
	done

.PHONY: clean
clean: ## remove what make built, and the demo's file
	rm -rf bin dist nearlite-demo.db nearlite-demo.db-*

# Built from source at the version that tools/go.mod pins.
$(LINT): tools/go.mod tools/go.sum
	@mkdir -p bin
	cd tools && $(GO) build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $(LINT)
