# SPDX-License-Identifier: Apache-2.0
# The front door: each target installs what it needs (see tools/setup), then leaves the work to CMake and Ninja.

ARCH ?= aarch64
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
# Extra arguments of `gimbal run` for `make run`, of bench/run for `make bench`, of bench/el2/run for `make bench-el2`.
ARGS ?=

guest_name_aarch64 := arm64
guest := $(BUILD)/guest/$(guest_name_$(ARCH))
release := $(BUILD)/release

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run build check check-quick check-long guests rootfs peer bench bench-el2 lint format coverage install clean

help: ## Show this list
	@echo "usage: make TARGET [ARCH=aarch64] [JOBS=N]"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '  %-12s %s\n' "$$target" "$$text"; done

run: ## Boot Debian's Linux to a shell (Ctrl-A X quits)
	@tools/setup run
	@tools/fetch-guests $(ARCH) --build $(BUILD)
	@$(MAKE) command
	@$(BUILD)/gimbal run --kernel $(guest)/kernel --initrd $(guest)/initrd $(ARGS)

build: ## Build the command, build/gimbal
	@tools/setup build
	@$(MAKE) command

# The release build without its tests, put in place whole: a running build/gimbal is left alone.
.PHONY: command
command:
	@[ -f $(release)/build.ninja ] || cmake --preset release -B $(release) >/dev/null
	@ninja -C $(release) -j$(JOBS) --quiet gimbal
	@cmp -s $(release)/bin/gimbal $(BUILD)/gimbal || \
		{ cp $(release)/bin/gimbal $(BUILD)/.gimbal.new && mv $(BUILD)/.gimbal.new $(BUILD)/gimbal; }

guests: ## Fetch the guest's kernels and build its initrd: build/guest/
	@tools/setup guests
	@tools/fetch-guests $(ARCH) --build $(BUILD)

rootfs: ## Make a disk with Debian and systemd, in a guest: takes minutes
	@tools/setup rootfs
	@tools/fetch-guests $(ARCH) --build $(BUILD)
	@$(MAKE) command
	@tools/make-rootfs --build $(BUILD)

peer: ## Fetch the peer QEMU for comparisons: build/peer/
	@tools/setup peer
	@tools/fetch-peer --build $(BUILD)

check: ## Everything a change must pass (GCC 12 and clang 19; under 20 minutes)
	@tools/setup check
	@tools/check full --build $(BUILD) --jobs $(JOBS)

check-quick: ## Unit tests and cheap checks (under 5 minutes)
	@tools/setup check-quick
	@tools/check quick --build $(BUILD) --jobs $(JOBS)

check-long: ## What `check` does, for longer, under more tools
	@tools/setup check-long
	@tools/check long --build $(BUILD) --jobs $(JOBS)

lint: ## Formatting, layering, clang-tidy on everything
	@tools/setup lint
	@tools/check lint --build $(BUILD) --jobs $(JOBS)

format: ## Format every C++ file in place
	@tools/setup lint
	@tools/format

bench: guests peer ## Compare with the peer QEMU on this machine
	@tools/setup bench
	@$(MAKE) command
	@cmake $(release) >/dev/null
	@ninja -C $(release) -j$(JOBS) --quiet guest_gimbal-bench image_block
	@bench/run --arch $(ARCH) $(ARGS)

bench-el2: peer ## Count what gimbal-el2 executes for each kind of exit
	@tools/setup bench-el2
	@tools/fetch-libfdt --build $(BUILD)
	@cmake --preset release -B $(release) -DGIMBAL_TESTS=ON >/dev/null
	@ninja -C $(release) -j$(JOBS) --quiet gimbal gimbal_el2_image image_trips counter_plugin
	@bench/el2/run --build $(BUILD) $(ARGS)

coverage: ## Line coverage of the freestanding libraries by their unit tests
	@tools/setup coverage
	@tools/coverage --build $(BUILD) --jobs $(JOBS)

install: build ## Install the command below PREFIX (DESTDIR is honoured)
	@install -D -m 755 $(BUILD)/gimbal "$(DESTDIR)$(PREFIX)/bin/gimbal"

clean: ## Remove what was built; downloads stay in build/apt
	@if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 ! -name apt -exec rm -rf {} +; fi
