# ftpsfs: make build | demo | test | install | help
PREFIX ?= /usr/local
DESTDIR ?=
# mount(8) looks for its helpers here and nowhere else.
MOUNT_HELPERS ?= /sbin
SWIFT ?= swift
RELEASE = .build/release/ftpsfs
# Warnings are errors in the project's own checks, and a missing server is a failure there.
CHECKED = FTPSFS_STRICT=1 FTPSFS_REQUIRE_SERVERS=1

# libfuse cancels its threads inside read(2), which the thread sanitizer does not survive where it ignores what libraries do.
TSAN_OPTIONS = ignore_noninstrumented_modules=0 ignore_interceptors_accesses=0 \
	suppressions=$(CURDIR)/Tests/threads.supp print_suppressions=0

INSTALLED_PROGRAM = $(DESTDIR)$(PREFIX)/bin/ftpsfs
MAN_DIRECTORY = $(DESTDIR)$(PREFIX)/share/man
BASH_COMPLETION = $(DESTDIR)$(PREFIX)/share/bash-completion/completions/ftpsfs
ZSH_COMPLETION = $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_ftpsfs
FISH_COMPLETION = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/ftpsfs.fish

.PHONY: build demo test test-plain soak faults bench fuzz lint sanitize sanitize-address sanitize-thread install uninstall clean help

build: ## build the release program (.build/release/ftpsfs)
	@scripts/setup build
	$(SWIFT) build -c release --product ftpsfs --static-swift-stdlib

demo: ## build, start a throw-away server, mount it and show a session (KEEP=1: leave it mounted)
	@scripts/setup tests
	@$(MAKE) --no-print-directory build
	@KEEP=$(KEEP) scripts/demo

test: ## install what is missing, build, run every test
	@scripts/setup tests
	@$(MAKE) --no-print-directory lint
	$(CHECKED) $(SWIFT) build --build-tests
	$(CHECKED) scripts/test

# What scripts/bench is to do; see scripts/bench -h.
BENCH ?=

# Nothing but time may depend on the ways to save round trips.
test-plain: ## run the tests of mounts without pipelining, ports asked for ahead, and looking ahead
	@scripts/setup tests
	$(CHECKED) $(SWIFT) build --build-tests
	$(CHECKED) FTPSFS_MOUNT_OPTIONS=workaround=nopipeline:noarm:nopatch:nofollow,no_lookahead $(SWIFT) test --skip-build --filter MountTests --skip RoundTrip

# For how long; FTPSFS_SOAK_SEED=N repeats a choice of faults, as far as the machine's pace lets it.
SOAK_SECONDS ?= 3600

soak: ## random operations and faults on all servers, SOAK_SECONDS=3600; fails when a byte is lost or anything hangs
	@scripts/setup tests
	$(CHECKED) $(SWIFT) build --build-tests
	$(CHECKED) FTPSFS_SOAK_SECONDS=$(SOAK_SECONDS) $(SWIFT) test --skip-build --filter SoakTests

faults: ## every operation at every step with every fault and with kill -9, on all servers
	@scripts/setup tests
	$(CHECKED) $(SWIFT) build --build-tests
	$(CHECKED) FTPSFS_ALL_FAULTS=1 $(SWIFT) test --skip-build --filter '(FaultMatrixTests|KillTests).all'

bench: ## measure on loopback and a link of 50 ms, against curl, lftp, rclone and curlftpfs (BENCH="--server all": options)
	@scripts/setup tests
	@$(MAKE) --no-print-directory build
	scripts/bench $(BENCH)

lint: ## check the format of the sources and the manual pages
	$(SWIFT) format lint --strict -r Sources Tests Package.swift
	@for page in man/*.[1-8]; do [ ! -e "$$page" ] || mandoc -Tlint -Wwarning "$$page" || exit 1; done

sanitize: sanitize-address sanitize-thread ## run the tests with the address and the thread sanitizer

sanitize-address sanitize-thread: sanitize-%:
	@scripts/setup tests
	FTPSFS_REQUIRE_SERVERS=1 FTPSFS_SANITIZER=$* LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leaks.supp:print_suppressions=0 \
		TSAN_OPTIONS="$(TSAN_OPTIONS)" $(SWIFT) test --sanitize=$* --scratch-path .build/sanitize-$*

FUZZ = .build/fuzz/release/Fuzz
# Of each target, in seconds.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(notdir $(wildcard Tests/Fuzz/Corpus/*))

# Findings and what else has grown stay in .build/fuzz; a finding is tried again by its path behind the target's name.
fuzz: ## run the fuzz targets on all parsers, FUZZ_SECONDS=60 each (FUZZ_TARGETS="list mlsd": these alone)
	@scripts/setup build
	FTPSFS_FUZZ=1 $(SWIFT) build -c release --product Fuzz --scratch-path .build/fuzz \
		-Xswiftc -sanitize=fuzzer -Xswiftc -enable-testing -Xswiftc -use-ld=lld
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p .build/fuzz/grown/$$target; \
		echo "fuzz: $$target, $(FUZZ_SECONDS) s"; \
		SWIFT_BACKTRACE=enable=no $(FUZZ) $$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -max_len=16384 -verbosity=0 -print_funcs=0 \
			-artifact_prefix=.build/fuzz/$$target- .build/fuzz/grown/$$target Tests/Fuzz/Corpus/$$target || exit 1; \
	done

# Built again only where a source is newer: root's PATH under sudo has no Swift, and needs none after "make build".
$(RELEASE): Package.swift $(shell find Sources -type f)
	@$(MAKE) --no-print-directory build

install: $(RELEASE) ## install to PREFIX (/usr/local) below DESTDIR
	install -D -m 755 $(RELEASE) $(INSTALLED_PROGRAM)
	install -d $(DESTDIR)$(MOUNT_HELPERS)
	ln -sf $(PREFIX)/bin/ftpsfs $(DESTDIR)$(MOUNT_HELPERS)/mount.ftpsfs
	ln -sf $(PREFIX)/bin/ftpsfs $(DESTDIR)$(MOUNT_HELPERS)/mount.fuse.ftpsfs
	@for page in man/*.[1-8]; do [ ! -e "$$page" ] || \
		install -v -D -m 644 "$$page" "$(MAN_DIRECTORY)/man$${page##*.}/$${page##*/}" || exit 1; done
	install -d $(dir $(BASH_COMPLETION)) $(dir $(ZSH_COMPLETION)) $(dir $(FISH_COMPLETION))
	$(RELEASE) --generate-completion-script bash > $(BASH_COMPLETION)
	$(RELEASE) --generate-completion-script zsh > $(ZSH_COMPLETION)
	$(RELEASE) --generate-completion-script fish > $(FISH_COMPLETION)

uninstall: ## remove what install has put there
	rm -f $(INSTALLED_PROGRAM) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	rm -f $(DESTDIR)$(MOUNT_HELPERS)/mount.ftpsfs $(DESTDIR)$(MOUNT_HELPERS)/mount.fuse.ftpsfs
	@for page in man/*.[1-8]; do rm -f "$(MAN_DIRECTORY)/man$${page##*.}/$${page##*/}"; done

clean: ## remove everything that was built or unpacked
	rm -rf .build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18
