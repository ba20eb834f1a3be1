# What a person types here. Continuous integration types it too: .ci/run is `make lint` and `make test`.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# rustup puts cargo where a shell opened before it was installed doesn't look.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-core setup-test setup-lint setup-app setup-web demo app web test test-web screens quick lint fuzz pictures clean interop bench bench-provider soak

help:
	@echo 'make setup   install what is missing, after asking (PART=core, test, lint, app or web for a part of it)'
	@echo 'make demo    a provider, a till, and Alice'"'"'s devices: a browser, this terminal, a window (ARGS=... is passed on)'
	@echo 'make app     the window: target/debug/countersign-app'
	@echo 'make web     the device in a browser: target/web, which a provider started afterwards serves below /device/'
	@echo 'make test    every test (ONLY=... runs some of its parts, here and for lint)'
	@echo 'make test-web the page of make web in a headless Chromium and Firefox, against a provider'
	@echo 'make screens every screen of that page by axe, in all sizes, schemes and languages; pictures in target/screens'
	@echo 'make quick   the tests of the crates alone, without the window and what spans crates'
	@echo "make interop other people's clients and providers, as far as their tools are here (ARGS=... names some)"
	@echo 'make lint    formatting, lints, documentation, borders between modules and crates, banned dependencies, links'
	@echo 'make fuzz    every reader of bytes from outside is fed what a fuzzer makes up (SECONDS=20 each, TARGET=one of them)'
	@echo 'make bench   every figure of docs/performance.md, measured here (ARGS=... is passed on; some minutes)'
	@echo 'make soak    a thousand wake-ups through kills of the provider, then complete flows at half load for MINUTES=10'
	@echo 'make bench-provider PORT=3950   a provider to be measured from outside'
	@echo 'make clean   remove what was built, and the state of the demo'

setup:
	@scripts/setup $(PART)

setup-core setup-test setup-lint setup-app setup-web: setup-%:
	@scripts/setup $*

demo:
	@scripts/setup core
	@exec scripts/demo $(ARGS)

app:
	@scripts/setup core app
	@scripts/build-app
	@echo 'The window is $(TARGET_DIR)/debug/countersign-app'

web:
	@scripts/setup core web
	@scripts/web

# The page just built, in a headless Chromium and Firefox against a provider.
test-web: web
	@scripts/test-web

screens: web
	@SCREENS=all PICTURES='$(abspath $(TARGET_DIR))/screens' scripts/test-web anybody

# Each part with the time it took; ONLY='page cargo-test' runs these alone. Tests start the programs, and would build them themselves,
# without a word. What a machine lacks is skipped, with the reason.
test:
	@scripts/timed \
	  'setup: scripts/setup core app test' \
	  'page: scripts/build-app page' \
	  'programs: cargo build --workspace --bins' \
	  'web: scripts/web' \
	  'svelte-check: npm --prefix ui run --silent check' \
	  'page-tests: npm --prefix ui test --silent' \
	  'page-size: npm --prefix ui run --silent size' \
	  'web-size: scripts/web-size' \
	  'web-tests: scripts/test-web' \
	  'wasm-tests: scripts/test-wasm' \
	  'cargo-test: scripts/test --workspace'
	@[ -n '$(ONLY)' ] || echo 'Every test passed.'

quick:
	@scripts/setup core
	@scripts/test $(patsubst %,-p countersign-%,jose protocol tls device egress private-files store gateway op app)
	@echo 'Every test of these crates passed.'

interop:
	@scripts/setup core
	@tests/interop/run $(ARGS)

# Every part, even after one that failed; ONLY='clippy links' runs these alone. What a machine lacks is skipped, with the reason.
lint:
	@scripts/timed --all \
	  'setup: scripts/setup core app lint' \
	  'page: scripts/build-app page' \
	  'rustfmt: cargo fmt --all --check' \
	  'prettier: npm --prefix ui run --silent format:check' \
	  'eslint: npm --prefix ui run --silent lint' \
	  'svelte-check: npm --prefix ui run --silent check' \
	  'shellcheck: scripts/check-shell' \
	  'lengths: scripts/check-repository lengths' \
	  'links: scripts/check-repository links' \
	  'sql: scripts/check-repository sql' \
	  'dependencies: scripts/check-repository dependencies' \
	  'cycles: scripts/module-cycles' \
	  'own-gates: scripts/module-cycles --self-test && scripts/check-repository --self-test' \
	  'clippy: cargo clippy --workspace --all-targets -- -D warnings' \
	  "rustdoc: RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items" \
	  'wasm32: scripts/check-wasm' \
	  'bindgen: cargo clippy -p countersign-web-bindgen --features tool -- -D warnings' \
	  'fuzzing: scripts/check-fuzzing' \
	  'msrv: scripts/check-optional msrv' \
	  'cargo-deny: scripts/check-optional cargo-deny' \
	  'actionlint: scripts/check-optional actionlint'

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

# Fails if a wake-up is lost, or one in a hundred comes twice, while the provider is killed 25 times. Then prints flows, errors and the
# provider's memory every ten seconds; fails if a flow failed or memory grew.
MINUTES ?= 10
soak:
	@scripts/setup core
	@cargo build --workspace --bins
	@WAKEUP_KILLS=25 WAKEUP_DEVICES=40 cargo test -p countersign-tests --test processes every_request_wakes_its_device
	@cargo build --profile measure -p countersign-bench
	@exec '$(TARGET_DIR)/measure/countersign-bench' soak --minutes $(MINUTES) $(ARGS)

# What the README shows, made by the tests.
pictures:
	@scripts/setup core app test
	@scripts/build-app page
	@cargo build --workspace --bins
	UPDATE_PICTURES=1 cargo test -p countersign-e2e --test picture
	@scripts/setup web
	@scripts/web
	PICTURE='$(CURDIR)/docs/images/till-and-phone.png' scripts/test-web "opens Alice's phone"

# Only a directory that cargo marked as its own is removed: CARGO_TARGET_DIR may point anywhere.
clean:
	@if [ -e '$(TARGET_DIR)/CACHEDIR.TAG' ]; then rm -rf '$(TARGET_DIR)'; fi
	@rm -rf .demo ui/dist ui/node_modules
