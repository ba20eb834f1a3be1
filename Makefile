# What a person types here. Continuous integration types it too: .ci/run is `make test`.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# rustup puts cargo where a shell opened before it was installed doesn't look.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-core setup-test setup-lint setup-app demo app test quick lint fuzz pictures clean interop bench bench-provider soak

help:
	@echo 'make setup   install what is missing, after asking (PART=core, test, lint or app for a part of it)'
	@echo 'make demo    a provider, a till, and Alice'"'"'s devices: this terminal and a window (ARGS=... is passed on)'
	@echo 'make app     the window: target/debug/countersign-app'
	@echo 'make test    every test'
	@echo "make quick   the tests of the crates protocol, device, gateway, op and app alone"
	@echo "make interop other people's clients and providers, as far as their tools are here (ARGS=... names some)"
	@echo 'make lint    formatting, clippy, and whether the device still compiles for browsers'
	@echo 'make fuzz    every reader of bytes from outside is fed what a fuzzer makes up (SECONDS=20 each, TARGET=one of them)'
	@echo 'make bench   every figure of docs/performance.md, measured here (ARGS=... is passed on; some minutes)'
	@echo 'make soak    complete flows at half load for MINUTES=10, while memory is watched'
	@echo 'make bench-provider PORT=3950   a provider to be measured from outside'
	@echo 'make clean   remove what was built, and the state of the demo'

setup:
	@scripts/setup $(PART)

setup-core setup-test setup-lint setup-app: setup-%:
	@scripts/setup $*

demo:
	@scripts/setup core
	@exec scripts/demo $(ARGS)

app:
	@scripts/setup core app
	@scripts/build-app
	@echo 'The window is $(TARGET_DIR)/debug/countersign-app'

test:
	@scripts/setup core app test
	@scripts/build-app page
	@cargo build --workspace --bins # tests start the programs, and would build them themselves, without a word
	@npm --prefix ui run --silent check
	@npm --prefix ui test --silent
	@npm --prefix ui run --silent size
	@scripts/test --workspace
	@echo 'Every test passed.'

quick:
	@scripts/setup core
	@scripts/test -p countersign-protocol -p countersign-device -p countersign-gateway -p countersign-op -p countersign-app
	@echo 'Every test of the five crates passed.'

interop:
	@scripts/setup core
	@tests/interop/run $(ARGS)

lint:
	@scripts/setup core app lint
	@scripts/build-app page
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-wasm

# Needs the nightly compiler and cargo-fuzz; says how to get them.
fuzz:
	@scripts/setup core
	@scripts/fuzz $(or $(SECONDS),20) $(TARGET)

bench:
	@scripts/setup core
	@cargo build --profile measure -p countersign-bench
	@exec '$(TARGET_DIR)/measure/countersign-bench' run $(ARGS)

# One line of JSON on standard output once it serves: issuer, client_id, client_secret.
PORT ?= 3950
bench-provider:
	@scripts/setup core
	@cargo build --quiet --profile measure -p countersign-bench >&2
	@exec '$(TARGET_DIR)/measure/countersign-bench' provider --port $(PORT)

# Prints flows, errors and the provider's memory every ten seconds; fails if a flow failed or memory grew.
MINUTES ?= 10
soak:
	@scripts/setup core
	@cargo build --profile measure -p countersign-bench
	@exec '$(TARGET_DIR)/measure/countersign-bench' soak --minutes $(MINUTES) $(ARGS)

# What the README shows, made by the tests.
pictures:
	@scripts/setup core app test
	@scripts/build-app page
	@cargo build --workspace --bins
	UPDATE_PICTURES=1 cargo test -p countersign-e2e --test picture

# Only a directory that cargo marked as its own is removed: CARGO_TARGET_DIR may point anywhere.
clean:
	@if [ -e '$(TARGET_DIR)/CACHEDIR.TAG' ]; then rm -rf '$(TARGET_DIR)'; fi
	@rm -rf .demo ui/dist ui/node_modules
