# What a person types here. Continuous integration types it too: .ci/run is `make test`.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# rustup puts cargo where a shell opened before it was installed doesn't look.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-core setup-test setup-lint setup-app demo test quick lint clean

help:
	@echo 'make setup   install what is missing, after asking (PART=core, test, lint or app for a part of it)'
	@echo 'make demo    a provider, a till and a device in this terminal: approve a payment yourself (ARGS=... is passed on)'
	@echo 'make test    every test'
	@echo "make quick   the tests of the crates protocol, device, gateway and op alone"
	@echo 'make lint    formatting, clippy, and whether the device still compiles for browsers'
	@echo 'make clean   remove what was built, and the state of the demo'

setup:
	@scripts/setup $(PART)

setup-core setup-test setup-lint setup-app: setup-%:
	@scripts/setup $*

demo:
	@scripts/setup core
	@[ -x '$(TARGET_DIR)/debug/countersign' ] || echo 'Building the command line; the first time this takes a few minutes.' >&2
	@cargo build -p countersign-cli
	@exec '$(TARGET_DIR)/debug/countersign' demo $(ARGS)

test:
	@scripts/setup core test
	@cargo build -p countersign-cli # tests start the command, and would build it themselves, without a word
	@scripts/test --workspace
	@echo 'Every test passed.'

quick:
	@scripts/setup core
	@scripts/test -p countersign-protocol -p countersign-device -p countersign-gateway -p countersign-op
	@echo 'Every test of the four crates passed.'

lint:
	@scripts/setup core lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-wasm

# Only a directory that cargo marked as its own is removed: CARGO_TARGET_DIR may point anywhere.
clean:
	@if [ -e '$(TARGET_DIR)/CACHEDIR.TAG' ]; then rm -rf '$(TARGET_DIR)'; fi
	@rm -rf .demo
