# Owns what a person types: make run, make test. Everything else is a step of these.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Arguments of the server: make run ARGS="--tls self-signed"
ARGS ?=

NPM_CI := npm ci --no-audit --no-fund --loglevel=error
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
PACKAGE = visavis-$(VERSION)-$(TARGET)

define heading
	@printf '\n== %s\n' "$(1)"
endef

.PHONY: help run test lint bench build release clean page tools

help: ## Print this list
	@echo 'visavis $(VERSION): a self-hosted meeting server'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: tools page ## Build everything and start the server; ARGS="…" are its arguments, as --tls self-signed
	cargo run --locked --profile fast --bin visavis -- --qr $(ARGS)

test: tools ## Check and test everything, real browsers and coturn included
	$(call heading,What the tests need)
	scripts/need.sh
	$(call heading,Format)
	cargo fmt --check
	$(call heading,Page: types and style)
	$(MAKE) --no-print-directory web/node_modules/.installed
	cd web && npm run --silent lint
	$(call heading,Page: tests)
	cd web && npm run --silent test
	$(call heading,Page: build)
	$(MAKE) --no-print-directory page
	$(call heading,Server: clippy)
	cargo clippy --locked --quiet --all-targets -- -D warnings
	$(call heading,Server: documentation)
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --quiet --no-deps
	$(call heading,Server: tests)
	cargo test --locked
	$(call heading,Browsers)
	scripts/browser-tests.sh
	$(call heading,All is well)

lint: tools web/node_modules/.installed page ## Format, clippy, rustdoc, tsc and eslint, every warning an error
	cargo fmt --check
	cd web && npm run --silent lint
	cargo clippy --locked --quiet --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --quiet --no-deps

# The server under measurement has core 0 to itself; the load runs on the others, where there are others.
bench: tools page ## Measure; figures, not tests: target/bench/
	cargo bench --locked --bench '*' --no-run
	@last=$$(($$(nproc) - 1)); taskset -c $$((last > 0))-$$last cargo bench --locked --bench '*'

build: tools page ## Build the one binary for a server: target/release/visavis
	cargo build --locked --release --bin visavis
	@echo 'target/release/visavis is all there is to copy.'

release: build ## Pack the binary with licences, samples and unit into target/
	rm -rf 'target/$(PACKAGE)'
	mkdir -p 'target/$(PACKAGE)'
	cp -r target/release/visavis README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE turn-config docs/deploy 'target/$(PACKAGE)/'
	target/release/visavis sample-config > 'target/$(PACKAGE)/visavis.toml'
	tar -C target -czf 'target/$(PACKAGE).tar.gz' '$(PACKAGE)'
	cd target && sha256sum '$(PACKAGE).tar.gz' | tee '$(PACKAGE).tar.gz.sha256'

clean: ## Remove everything that was built
	cargo clean
	rm -rf web/dist web/node_modules tests/browser/node_modules

page: web/dist/index.html

web/dist/index.html: web/node_modules/.installed $(PAGE_SOURCES)
	cd web && npm run --silent build
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && $(NPM_CI)
	@touch $@

tools:
	@scripts/tools.sh
