# SPDX-License-Identifier: GPL-2.0-or-later
# fdwarden: build, test, install. `make help` lists the targets.

# The one place of the version is debian/changelog, whose tools read it from nowhere else; what
# follows a "-" counts builds of the package.
VERSION := $(shell sed -n '1s/^[^ ]* .\([0-9.]*\).*/\1/p' debian/changelog)
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
LOGROTATEDIR ?= $(SYSCONFDIR)/logrotate.d
DATADIR ?= $(PREFIX)/share/fdwarden
DOCDIR ?= $(PREFIX)/share/doc/fdwarden
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR ?=

CC ?= gcc
CLANG ?= clang
# Ubuntu's own are below linux-tools; the wrapper in /usr/sbin wants just that of
# the running kernel.
BPFTOOL ?= $(firstword $(lastword $(wildcard /usr/lib/linux-tools/*/bpftool)) $(wildcard /usr/sbin/bpftool /usr/bin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

# ---- for which machine ------------------------------------------------------
# ARCH is what uname -m says there. For another than this machine's there is its compiler,
# and a root with its libraries (SYSROOT; without one they are where multiarch puts them):
# tests/cross/run makes all of it.
HOST_ARCH := $(shell uname -m)
ARCH ?= $(HOST_ARCH)
CROSS := $(filter-out $(HOST_ARCH),$(ARCH))
SYSROOT ?=
# Of libbpf, of the compiler, and what is not of little endian.
BPF_ARCH_x86_64 := x86
BPF_ARCH_aarch64 := arm64
BPF_ARCH_riscv64 := riscv
BPF_ARCH_ppc64le := powerpc
BPF_ARCH_s390x := s390
BPF_ARCH := $(BPF_ARCH_$(ARCH))
TRIPLET := $(patsubst ppc64le,powerpc64le,$(ARCH))-linux-gnu
BPF_TARGET := $(if $(filter s390x,$(ARCH)),bpfeb,bpfel)
ifeq ($(BPF_ARCH),)
$(error ARCH=$(ARCH) is not known; there are aarch64, ppc64le, riscv64, s390x and x86_64)
endif

ifneq ($(CROSS),)
ifeq ($(origin CC),default)
CC := $(TRIPLET)-gcc
endif
ifeq ($(origin CXX),default)
CXX := $(TRIPLET)-g++
endif
ifeq ($(origin AR),default)
AR := $(TRIPLET)-ar
endif
STRIP ?= $(TRIPLET)-strip
# Of that root's packages alone.
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR='$(SYSROOT)' \
	PKG_CONFIG_LIBDIR='$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig' \
	$(PKG_CONFIG)
endif
SYSROOT_FLAG := $(if $(SYSROOT),--sysroot=$(SYSROOT))

# One directory a variant (plain, a sanitizer, a machine), so that they never mix.
BUILD ?= build$(addprefix -,$(CROSS))

PKGS := libbpf libelf libdw zlib libcjson libsystemd libseccomp ncursesw
TEST_PKGS := cmocka
SANITIZE ?=

CPPFLAGS += -Isrc -Iinclude -I$(BUILD)/gen -D_GNU_SOURCE -DFDWARDEN_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
# A warning that a newer compiler has learnt stops those who work on it (`make WERROR=1`, which
# CI sets), not those who build a release.
ERRORS := $(if $(WERROR),-Werror)
WARNINGS := -Wall -Wextra $(ERRORS) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wundef -Wno-gnu-variable-sized-type-not-at-end
ALL_CFLAGS := -std=gnu17 $(WARNINGS) -fno-strict-aliasing -fstack-protector-strong \
	$(SYSROOT_FLAG) $(CFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
ALL_LDFLAGS := $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE),-Wl,-z,relro,-z,now)
# So that what is built in another folder has the same bytes: no path of this one is in it.
SAME_PATHS := -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS += $(SAME_PATHS)
# Asked for only when something is compiled, because `make deps` and `make clean` must
# work before the packages are there; and once, not for each file.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(OLD_LIBBPF)$(PKG_CFLAGS)
# Said before compilers complain.
MISSING = $(strip $(foreach word,$(CC) $(CLANG) $(BPFTOOL) $(PKG_CONFIG),\
	$(if $(findstring =,$(word))$(filter -%,$(word))$(shell command -v $(word)),,$(notdir $(word)))))
TOOLS = $(eval TOOLS := $$(if $$(MISSING),$$(error not installed: $$(MISSING); 'sudo make deps' \
	installs what the build takes)))$(TOOLS)
# Of it bpf_program__set_autoattach() is used; Ubuntu 22.04 and Debian 11 have an older one.
LIBBPF_SINCE := 1.0
OLD_LIBBPF = $(if $(shell $(PKG_CONFIG) --atleast-version=$(LIBBPF_SINCE) libbpf || echo old), \
	$(error libbpf $(LIBBPF_SINCE) or later is needed to build, as Debian 12 and Ubuntu 24.04 have \
	it; here is $(or $(shell $(PKG_CONFIG) --silence-errors --modversion libbpf),none: \
	'sudo make deps' installs what the build takes)))
# libiberty, which takes names apart, has no pkg-config file; it is linked in.
PKG_LIBS = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)) -liberty)$(PKG_LIBS)
TEST_LIBS = $(eval TEST_LIBS := $$(shell $(PKG_CONFIG) --libs $(TEST_PKGS)))$(TEST_LIBS)

# ---- sources ----------------------------------------------------------------
BPF_SRCS := $(wildcard bpf/*.bpf.c)
SKELS := $(BPF_SRCS:bpf/%.bpf.c=$(BUILD)/gen/%.skel.h)
SRCS := $(filter-out src/main.c src/static.c,$(wildcard src/*.c src/*/*.c))
OBJS := $(SRCS:%.c=$(BUILD)/%.o)
# Rooms that know no BPF: unit tests are linked with these alone.
PURE_SRCS := $(filter-out src/collect/% src/cli/% src/daemon/% src/top/%,$(SRCS)) \
	$(wildcard src/collect/syscalls*.c) src/collect/census_record.c \
	$(addprefix src/collect/,reason.c realtime.c) src/cli/values.c \
	$(addprefix src/top/,history.c gauge.c item.c columns.c model.c lines.c parents.c settings.c keys.c \
		batch_text.c recent.c reply.c incident_rows.c source.c source_socket.c)
PURE_OBJS := $(PURE_SRCS:%.c=$(BUILD)/%.o)
UNIT_SRCS := $(wildcard tests/unit/test_*.c)
UNITS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/tests/unit/%)
HELPER_SRCS := $(wildcard tests/helpers/*.c)
ZOO_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/helpers/zoo/*.c))
HELPERS := $(HELPER_SRCS:tests/helpers/%.c=$(BUILD)/tests/helpers/%) \
	$(BUILD)/tests/helpers/fdzoo $(BUILD)/tests/helpers/slow.so
C_FILES = $(wildcard src/*.[ch] src/*/*.[ch] include/fdwarden/*.h bpf/*.[ch] \
	tests/*/*.[ch] tests/*/*/*.[ch])

MUTANTS ?= 200
PROPERTY_STEPS ?= 1000000
SOAK_SECONDS ?= 3600

.PHONY: compile_commands.json mutants property soak storms all deps run check check-unit check-live check-vm check-cross verifier-baseline bench bench-fleet bench-ratio drift fuzz install uninstall screenshot recording \
	check-programs format lint tidy clean help vmlinux units helpers forecast-table cause-table compilers-table \
	completions dist deb rpm image image-static portable version check-packages
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/fdwarden

version:
	@echo $(VERSION)

help:
	@echo 'make            build (no root needed)'
	@echo 'make run        install what is missing, build, monitor in the foreground'
	@echo 'make check      install what is missing, build, run every test that can run here'
	@echo 'make deps       install what is missing, nothing else'
	@echo 'make bench      measure fdwarden beside other tools'
	@echo 'make bench-ratio  CPU, memory and ps beside an earlier build [RATIO_PROCESSES=$(RATIO_PROCESSES)]'
	@echo 'make bench-fleet  200 hosts, a real Prometheus and Alertmanager: one notification'
	@echo 'make drift      counts beside the kernel'"'"'s over [DRIFT_CALLS=$(DRIFT_CALLS)] opens and closes'
	@echo 'make screenshot draws docs/top.svg from a real run of the live view'
	@echo 'make recording  records and draws the first minutes (asciinema, svg-term)'
	@echo 'make check-programs  the advice on real programs, into docs/programs.md'
	@echo 'make check-vm   the tests on other kernels, in emulated machines'
	@echo 'make check-cross [ARCHES=] builds for other architectures and runs the unit tests'
	@echo 'make install    [DESTDIR=] [PREFIX=$(PREFIX)]'
	@echo 'make uninstall  takes away what install put there, but no configuration'
	@echo 'make dist       a tarball of the last commit; make deb, rpm, image, in $(BUILD)'
	@echo 'make portable   one static program, for whatever system; make image-static, an image of it'
	@echo 'make check-packages  all that is released, and Debian'"'"'s package in fresh roots'
	@echo 'make completions  what shells complete with, anew from the options'
	@echo 'make storms     thousands of processes refused at once: each told once, to the last call'
	@echo 'make mutants    small faults on purpose: which does no unit test notice [MUTANTS=$(MUTANTS)]'
	@echo 'make property   random histories against a model [PROPERTY_STEPS=$(PROPERTY_STEPS)]'
	@echo 'make soak       a daemon under load for long [SOAK_SECONDS=$(SOAK_SECONDS)]'
	@echo 'make fuzz       feeds random input to the parsers [FUZZ_SECONDS=$(FUZZ_SECONDS)]'
	@echo 'make forecast-table  what the search for leaks finds and misses, into the documentation'
	@echo 'make WERROR=1   takes a warning for an error, as CI does'
	@echo 'make cause-table  scores what is said of labelled situations, into the documentation'
	@echo 'make compile_commands.json  for editors and language servers'
	@echo 'tests/live/run PATTERN  one live test, or some: counts., alerts.crowd'
	@echo 'make format, lint, clean; make vmlinux regenerates the kernel types'

deps:
	@.ci/deps build

# Under sudo the build is the user's all the same.
BUILD_AS_USER := $(if $(SUDO_UID),.ci/as-user )

# Standard output is the alerts' alone.
run:
	@.ci/deps build >&2
	@$(BUILD_AS_USER)$(MAKE) --no-print-directory all >&2
	@$(BUILD)/fdwarden daemon

# ---- BPF --------------------------------------------------------------------
BPF_CFLAGS := -g -O2 -target $(BPF_TARGET) $(SYSROOT_FLAG) -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v2 $(SAME_PATHS) \
	-Wall -Wextra $(ERRORS) -Wno-unused-parameter -Wno-missing-declarations -Wno-gnu-variable-sized-type-not-at-end \
	-Iinclude -Ivmlinux/$(ARCH) -Ibpf -idirafter $(SYSROOT)/usr/include/$(TRIPLET)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)$(TOOLS)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	@rm -f $@.tmp

$(BUILD)/gen/%.skel.h: $(BUILD)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

# Told when one of the programs can't be loaded. They may come from a machine that has another
# compiler (docs/compilers.md): then it is named as the caller does.
$(BUILD)/gen/bpf_compiler.inc: $(SKELS)
	$(Q)by=$$($(CLANG) --version 2>/dev/null | sed -n 's/.*clang version \([^ ]*\).*/clang \1/p;1q'); \
		echo "#define BPF_COMPILER \"$${by:-$(CLANG)}\"" > $@

GENERATED := $(SKELS) $(BUILD)/gen/bpf_compiler.inc

# The kernel's types that the programs use, and no others.
vmlinux:
	vmlinux/regenerate

# ---- user space -------------------------------------------------------------
$(filter $(BUILD)/src/collect/%,$(OBJS)): | $(GENERATED)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)$(TOOLS)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/fdwarden: $(BUILD)/src/main.o $(OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ -o $@ $(PKG_LIBS) -lpthread -lm

# One file for whatever system: nothing of the host's libraries is loaded. The objects are those of
# the program but for the two that know of it. What Debian has as shared libraries alone is built
# from its sources (.ci/static-libraries), which takes minutes, once.
STATIC_DIR := $(BUILD)/static
STATIC_OBJS := $(addprefix $(STATIC_DIR)/,http_library.o static.o)
STATIC_LIBS = -Wl,--start-group $(shell $(PKG_CONFIG) --static --libs \
	$(filter-out libcjson libsystemd,$(PKGS))) -lcjson -lsystemd -lmicrohttpd -liberty -Wl,--end-group
# Asked each time whether they are of the packages that are installed; a file that stays as it is
# makes nothing anew.
.PHONY: same_packages
$(STATIC_DIR)/SOURCES: same_packages
	$(Q)ARCH='$(ARCH)' SYSROOT='$(SYSROOT)' CC='$(CC)' .ci/static-libraries $(STATIC_DIR)

define static_object
	@mkdir -p $(@D)$(TOOLS)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -DFDWARDEN_STATIC $(PKG_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
endef
$(STATIC_DIR)/http_library.o: src/server/http_library.c Makefile
	$(static_object)
$(STATIC_DIR)/static.o: src/static.c Makefile
	$(static_object)

# That it may want the host's libraries for what src/static.c keeps it from is what the linker
# warns of, and only that.
STATIC_WARNING := in statically linked applications requires at runtime
$(STATIC_DIR)/fdwarden: $(BUILD)/src/main.o $(OBJS) $(STATIC_OBJS) $(STATIC_DIR)/SOURCES
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -static-pie -Wl,--wrap=setlocale $(BUILD)/src/main.o \
		$(filter-out $(BUILD)/src/server/http_library.o,$(OBJS)) $(STATIC_OBJS) -o $@ \
		-L$(STATIC_DIR) $(STATIC_LIBS) -lpthread -lm 2>$@.log || { cat $@.log; exit 1; }
	@! grep 'warning:' $@.log | grep -vE "'get(pw|gr|addrinfo)[a-z_]*' $(STATIC_WARNING)"

# For editors and language servers, which look for it in this folder.
compile_commands.json: export C_COMMAND = $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -c
compile_commands.json: export BPF_COMMAND = $(CLANG) $(BPF_CFLAGS) -c
compile_commands.json: $(GENERATED)
	$(Q)python3 -c 'import json, os, sys; json.dump([{"directory": os.getcwd(), "file": name, \
		"command": os.environ["BPF_COMMAND" if name.startswith("bpf/") else "C_COMMAND"] \
		+ " " + name} for name in sys.argv[1:]], sys.stdout, indent=1)' \
		$(BPF_SRCS) src/main.c $(SRCS) $(UNIT_SRCS) $(HELPER_SRCS) > $@

# ---- tests ------------------------------------------------------------------
$(BUILD)/libpure.a: $(PURE_OBJS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libpure.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -o $@ \
		$(PKG_LIBS) $(TEST_LIBS) -lpthread -lm

# Programs that leak, each in its language; those whose compiler is missing are left out, and
# the tests say so.
LEAKS_DIR := $(BUILD)/tests/helpers/leaks
# The linker for riscv64 (binutils 2.40) crashes on a static one.
LEAKS := $(addprefix $(LEAKS_DIR)/,leak leak_stripped $(if $(filter riscv64,$(ARCH)),,leak_static) \
	$(if $(CROSS),,$(if $(shell command -v g++),leak_cc) $(if $(shell command -v rustc),leak_rs)) \
	$(if $(filter aarch64,$(ARCH)),leak_signed) \
	$(if $(shell command -v go),leak_files leak_bodies leaks \
		$(if $(filter aarch64,$(ARCH)),opens32)))
LEAK_CFLAGS := $(SYSROOT_FLAG) -O2 -g -fomit-frame-pointer -Wall -Wextra $(ERRORS)
GO_ARCH_x86_64 := amd64
GO_ARCH_aarch64 := arm64
GO_ARCH := $(or $(GO_ARCH_$(ARCH)),$(ARCH))

$(LEAKS_DIR)/leak: tests/helpers/leaks/leak.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(LEAK_CFLAGS) $< -o $@ -lpthread

# With return addresses that are signed, as distributions build for arm64.
$(LEAKS_DIR)/leak_signed: tests/helpers/leaks/leak.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(LEAK_CFLAGS) -mbranch-protection=standard $< -o $@ -lpthread

$(LEAKS_DIR)/leak_stripped: tests/helpers/leaks/leak.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(LEAK_CFLAGS) -s $< -o $@ -lpthread

$(LEAKS_DIR)/leak_static: tests/helpers/leaks/leak.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(LEAK_CFLAGS) -static $< -o $@ -lpthread

$(LEAKS_DIR)/leak_cc: tests/helpers/leaks/leak.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) $(LEAK_CFLAGS) $< -o $@ -lpthread

$(LEAKS_DIR)/leak_rs: tests/helpers/leaks/leak.rs
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc -g -O $< -o $@

# Of 32 bits, for a kernel of 64.
$(LEAKS_DIR)/opens32: GO_ARCH = arm

$(LEAKS_DIR)/%: tests/helpers/leaks/%.go
	@mkdir -p $(@D)
	$(Q)GOARCH=$(GO_ARCH) CGO_ENABLED=$(if $(filter $(GO_ARCH_$(HOST_ARCH)),$(GO_ARCH)),1,0) GOCACHE=$(abspath $(BUILD))/go-cache \
		go build -o $@ $<

# Of the daemon, this knows of BPF the census alone, which its test imitates.
$(BUILD)/tests/unit/test_explainer: $(addprefix $(BUILD)/src/daemon/,explainer.o explainer_queue.o explain.o \
	origin_cache.o)

$(BUILD)/tests/helpers/%: $(BUILD)/tests/helpers/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ -o $@ -lpthread $(HELPER_LIBS)

# Without a sanitizer: it comes before the daemon's own.
$(BUILD)/tests/helpers/slow.so: tests/helpers/preload/slow.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=gnu17 $(WARNINGS) $(CPPFLAGS) $(SYSROOT_FLAG) -O2 -fPIC -shared $< -o $@ -ldl

$(BUILD)/tests/helpers/pick: HELPER_LIBS = -lcjson
$(BUILD)/tests/helpers/bpfprogs: HELPER_LIBS = -lbpf

# With what the daemon reads with.
CENSUS_HELPERS := $(BUILD)/tests/helpers/census $(BUILD)/tests/helpers/census_check
$(CENSUS_HELPERS): $(filter $(BUILD)/src/collect/%,$(OBJS)) \
	$(BUILD)/src/policy/descriptor.o $(BUILD)/src/policy/limits.o $(BUILD)/src/guard/capabilities.o
$(CENSUS_HELPERS): HELPER_LIBS = $(PKG_LIBS) -lm

# Static where it can be: an emulated machine takes 40 ms to link one, and there are hundreds.
# glibc has no start of a static program at any address (rcrt1.o) for ppc64le.
STATIC := $(if $(filter ppc64le,$(ARCH)),-static,-static-pie)
$(BUILD)/tests/helpers/fdzoo: $(ZOO_OBJS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(SANITIZE),,$(STATIC)) $^ -o $@ -lpthread

# The floor under what the bench measures.
$(BUILD)/bpf/floor.bpf.o: tests/bench/floor/floor.bpf.c Makefile
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@

$(BUILD)/tests/bench/floor/floor.o: | $(BUILD)/gen/floor.skel.h

$(BUILD)/tests/helpers/floor: $(BUILD)/tests/bench/floor/floor.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ -o $@ $(PKG_LIBS)

# Whose sensor the verifier refuses, for the test of what it then says.
SPOILED := $(BUILD)/tests/spoiled
$(SPOILED)/fdwarden: $(BUILD)/fdwarden
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r bpf $(@D)/bpf
	$(Q)sed -i 's/watched\[MASKED(nr, FDW_MAX_CALLS)\]/watched[nr << 20]/w $(@D)/changed' $(@D)/bpf/call.bpf.h
	@test -s $(@D)/changed
	$(call say,BPF,$(@D)/bpf/sensor.bpf.c)
	$(Q)$(CLANG) $(filter-out -Ibpf,$(BPF_CFLAGS)) -I$(@D)/bpf -c $(@D)/bpf/sensor.bpf.c -o $(@D)/sensor.tmp
	$(Q)$(BPFTOOL) gen object $(@D)/sensor.bpf.o $(@D)/sensor.tmp
	$(Q)$(BPFTOOL) gen skeleton $(@D)/sensor.bpf.o name sensor_bpf > $(@D)/sensor.skel.h
	$(Q)$(CC) -I$(@D) $(CPPFLAGS) $(PKG_CFLAGS) $(ALL_CFLAGS) -c src/collect/sensor.c -o $(@D)/sensor.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(@D)/sensor.o $(BUILD)/src/main.o \
		$(filter-out %/collect/sensor.o,$(OBJS)) -o $@ $(PKG_LIBS) -lpthread -lm

units: $(UNITS)
helpers: $(HELPERS) $(LEAKS) $(if $(CROSS),,$(SPOILED)/fdwarden)

# Labelled situations, each a real process: what is said of them, into docs/causes.md.
cause-table: all helpers
	CAUSE_TABLE=docs/causes.md FDWARDEN=$(BUILD)/fdwarden tests/live/run causes.situations

# Into docs/forecast.md; test_leak checks that it is up to date.
forecast-table: $(BUILD)/tests/unit/test_leak
	FORECAST_TABLE=docs/forecast.md $<

check-unit: units
	@tests/run $(UNITS)

check-live: all helpers
	@FDWARDEN=$(BUILD)/fdwarden tests/live/run

# Every test that this machine can run; what it can't is skipped by name.
check:
	@.ci/deps build check
	@$(BUILD_AS_USER)$(MAKE) --no-print-directory all units helpers
	@FDWARDEN=$(BUILD)/fdwarden tests/run --live $(UNITS)

# Real programs, given what is proposed for them; all that there is a recipe for.
check-programs: all
	@FDWARDEN=$(BUILD)/fdwarden tests/programs/run --all --table docs/programs.md

bench: all helpers $(BUILD)/tests/helpers/floor
	@FDWARDEN=$(BUILD)/fdwarden tests/bench/run; status=$$?; \
		FDWARDEN=$(BUILD)/fdwarden tests/bench/census || status=1; \
		FDWARDEN=$(BUILD)/fdwarden tests/bench/top || status=1; \
		FDWARDEN=$(BUILD)/fdwarden tests/bench/socket || status=1; \
		FDWARDEN=$(BUILD)/fdwarden tests/bench/scrape || status=1; \
		FDWARDEN=$(BUILD)/fdwarden tests/bench/trace || status=1; \
		tests/bench/instructions --build $(BUILD) && exit $$status

# Beside a commit of long ago, which is built for it.
RATIO_PROCESSES ?= 12000
bench-ratio: all helpers
	@FDWARDEN=$(BUILD)/fdwarden tests/bench/ratio --build $(BUILD) $(RATIO_PROCESSES)

# Whole fleets in a folder: Prometheus and Alertmanager are the real ones.
bench-fleet:
	@tests/bench/fleet

# A picture of the live view from a real run, for the README.
screenshot: all helpers
	BUILD='$(BUILD)' docs/screenshot

# The first minutes on a terminal, recorded and drawn.
recording: all
	BUILD='$(BUILD)' docs/recording

# Counts beside the kernel's over very many opens and closes: minutes.
DRIFT_CALLS ?= 100000000
drift: all helpers
	@FDWARDEN=$(BUILD)/fdwarden FDWARDEN_DRIFT_CALLS=$(DRIFT_CALLS) tests/live/run 'drift.*'

# What can't be had here is skipped by name: qemu, a kernel, an image.
check-vm:
	@.ci/deps build vm cross || true
	@$(BUILD_AS_USER)$(MAKE) --no-print-directory all helpers
	@tests/cross/run --build-only aarch64 && tests/vm/run --build $(BUILD)

# Other architectures, as far as programs can be emulated; without arguments all of them.
check-cross:
	@.ci/deps build cross || true
	@tests/cross/run $(ARCHES)

# Which compiler's programs load on which kernel: a boot of each, as Markdown.
COMPILERS ?= clang-14 clang-16 clang-19
compilers-table:
	@tests/vm/compilers $(COMPILERS)

# To be committed with the change that makes a program dearer for the verifier.
verifier-baseline: all helpers
	@tests/vm/run --build $(BUILD) -m small -t verifier --write-baseline

# ---- fuzzing ----------------------------------------------------------------
FUZZ_SECONDS ?= 600
# Of these the kept inputs alone: what is found in libdw is not ours to mend, and is held in a
# child without rights.
FUZZ_REPLAY ?=
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS := $(FUZZ_SRCS:tests/fuzz/%.c=$(BUILD)/fuzz/%)

# By clang, as libFuzzer wants all of it instrumented.
FUZZ_OBJS := $(PURE_SRCS:%.c=$(BUILD)/fuzz/obj/%.o)
FUZZ_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined
$(BUILD)/fuzz/obj/%.o: %.c Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZ_CFLAGS) $(WARNINGS) \
		-fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c $< -o $@

$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJS)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(CPPFLAGS) $(PKG_CFLAGS) $(FUZZ_CFLAGS) $(WARNINGS) \
		-fsanitize=fuzzer,address,undefined $^ -o $@ $(PKG_LIBS) -lpthread -lm

# Each for FUZZ_SECONDS, on the kept inputs and those found before.
mutants: units
	@CC='$(CC)' tests/mutants/run --build $(BUILD) --count $(MUTANTS)

property: $(BUILD)/tests/unit/test_pipeline_random
	@for i in 1 2 3; do FDWARDEN_STEPS=$(PROPERTY_STEPS) \
		FDWARDEN_SEED=$$(od -An -N6 -tu8 /dev/urandom | tr -d ' ') $< || exit 1; done

# One incident each and every refusal told once, with thousands of processes at a time: minutes,
# and a load of hundreds on two CPUs.
storms: all helpers
	@FDWARDEN=$(BUILD)/fdwarden tests/live/storms

soak: all helpers
	@FDWARDEN=$(BUILD)/fdwarden tests/live/soak $(SOAK_SECONDS)

fuzz: $(FUZZERS)
	@for f in $(FUZZERS); do name=$${f##*/fuzz_}; echo "# $$f"; \
		mkdir -p $(BUILD)/fuzz/corpus/$$name $(BUILD)/fuzz/found; \
		kept=tests/fuzz/corpus/$$name; [ -d $$kept ] || kept=; \
		bound=-max_total_time=$(FUZZ_SECONDS); \
		case ' $(FUZZ_REPLAY) ' in *" $$name "*) bound=-runs=0 ;; esac; \
		$$f $$bound -max_len=16384 -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$(BUILD)/fuzz/found/ \
			$(BUILD)/fuzz/corpus/$$name $$kept || exit 1; done

# ---- installation -----------------------------------------------------------
CONFDIR := $(SYSCONFDIR)/fdwarden

# Places that texts name as they are for PREFIX=/usr/local.
PLACED = sed 's,/usr/local/sbin/,$(BINDIR)/,g; s,/usr/local/share/doc/fdwarden,$(DOCDIR),g; \
	s,/usr/local/share/fdwarden,$(DATADIR),g'
# All of contrib but what is for those who have the sources.
EXAMPLES := $(patsubst contrib/%,%,$(filter-out $(addsuffix /%,$(addprefix contrib/,ansible completions \
	container kubernetes rpm)),$(wildcard contrib/*/*)))
RUN_EXAMPLES := $(shell cd contrib && find $(EXAMPLES) -perm /100 2>/dev/null)
# What install puts there and the administrator does not change: FROM:MODE:TO.
INSTALLED := $(BUILD)/fdwarden:755:$(BINDIR)/fdwarden \
	systemd/fdwarden.service:644:$(UNITDIR)/fdwarden.service \
	systemd/fdwarden.sysusers:644:$(SYSUSERSDIR)/fdwarden.conf \
	docs/fdwarden.8:644:$(MANDIR)/man8/fdwarden.8 \
	docs/fdwarden.conf.5:644:$(MANDIR)/man5/fdwarden.conf.5 \
	docs/fdwarden-protocol.7:644:$(MANDIR)/man7/fdwarden-protocol.7 \
	docs/alert.schema.json:644:$(DATADIR)/alert.schema.json \
	docs/snapshot.schema.json:644:$(DATADIR)/snapshot.schema.json \
	contrib/completions/fdwarden.bash:644:$(BASHCOMPDIR)/fdwarden \
	contrib/completions/_fdwarden:644:$(ZSHCOMPDIR)/_fdwarden \
	contrib/completions/fdwarden.fish:644:$(FISHCOMPDIR)/fdwarden.fish \
	$(foreach name,$(EXAMPLES),contrib/$(name):$(if $(filter $(name),$(RUN_EXAMPLES)),755,644):$(DOCDIR)/examples/$(name))
part = $(word $(1),$(subst :, ,$(2)))

# To be committed: a machine that builds for another can't run the program to ask it.
completions: $(BUILD)/fdwarden
	@mkdir -p contrib/completions
	$(BUILD)/fdwarden completion bash >contrib/completions/fdwarden.bash
	$(BUILD)/fdwarden completion zsh >contrib/completions/_fdwarden
	$(BUILD)/fdwarden completion fish >contrib/completions/fdwarden.fish

install: $(BUILD)/fdwarden
	@$(foreach file,$(INSTALLED),$(call put,$(call part,1,$(file)),$(call part,2,$(file)),$(call part,3,$(file)))) :
	@# These belong to the administrator once they are there.
	[ -e '$(DESTDIR)$(CONFDIR)/fdwarden.conf' ] || \
		install -D -m 644 systemd/fdwarden.conf '$(DESTDIR)$(CONFDIR)/fdwarden.conf'
	[ -e '$(DESTDIR)$(LOGROTATEDIR)/fdwarden' ] || \
		install -D -m 644 contrib/logrotate/fdwarden '$(DESTDIR)$(LOGROTATEDIR)/fdwarden'
	@if [ -n '$(DESTDIR)' ]; then :; elif command -v systemctl >/dev/null; then \
		echo 'Next: systemd-sysusers && systemctl daemon-reload &&' \
			'systemctl enable --now fdwarden'; \
	else \
		echo 'Next, as there is no systemd: groupadd -r fdwarden &&' \
			'$(BINDIR)/fdwarden daemon'; \
	fi

# put FROM,MODE,TO: a program as it is, of a text the places that it names.
put = install -D -m $(2) $(1) '$(DESTDIR)$(3)' || exit 1; \
	$(if $(filter $(BUILD)/%,$(1)),,$(PLACED) $(1) >'$(DESTDIR)$(3)' || exit 1;) \
	echo '$(DESTDIR)$(3)';

# The configuration, the user and the logs stay.
uninstall:
	rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(call part,3,$(file))')
	@for directory in $(sort $(dir $(addprefix $(DOCDIR)/examples/,$(EXAMPLES)))) \
		$(DOCDIR)/examples $(DOCDIR) $(DATADIR); do \
		rmdir --ignore-fail-on-non-empty '$(DESTDIR)'$$directory 2>/dev/null; done; :

# ---- packages ---------------------------------------------------------------
dist deb rpm:
	@.ci/package $@ $(BUILD)/$@

portable: $(STATIC_DIR)/fdwarden
	@BUILD='$(BUILD)' ARCH='$(ARCH)' STRIP='$(STRIP)' .ci/package $@ $(BUILD)/$@

image: $(BUILD)/fdwarden
	@BUILD='$(BUILD)' .ci/package $@ $(BUILD)/$@

image-static: $(STATIC_DIR)/fdwarden
	@BUILD='$(BUILD)' .ci/package $@ $(BUILD)/$@

# What is released, as far as it can be tried here; Debian's package is installed, upgraded, removed
# and purged in clean roots of these, and the one file is run in those.
SUITES ?= bookworm trixie
PORTABLE_SUITES ?= bullseye bookworm trixie sid
check-packages:
	@.ci/deps build package release vm static cross || true
	@$(MAKE) --no-print-directory image portable image-static rpm
	@status=0; tests/package/reproducible $(BUILD) || status=1; \
		tests/package/image $(BUILD)/image || status=1; \
		tests/package/image $(BUILD)/image-static || status=1; \
		tests/package/kubernetes $(BUILD)/fdwarden || status=1; \
		tests/package/portable $(BUILD)/portable || status=1; \
		tests/package/ansible $(BUILD)/fdwarden || [ $$? = 77 ] || status=1; \
		tests/package/rpm $(BUILD)/rpm || [ $$? = 77 ] || status=1; \
		tests/cross/run --portable aarch64 || status=1; \
		tests/distro/run -s package -s package_again $(SUITES) || status=1; \
		tests/distro/run -s portable $(PORTABLE_SUITES) || status=1; exit $$status

# ---- style ------------------------------------------------------------------
CLANG_TIDY ?= clang-tidy
SCRIPTS = $(shell grep -lE '^\#!/bin/(ba)?sh' .ci/* $$(find tests src vmlinux debian -type f) 2>/dev/null)
TIDY_FLAGS = -std=gnu17 $(CPPFLAGS) $(PKG_CFLAGS)
# The analyzer follows a function's paths until it has seen so many states. Its own 225,000 take
# 23 s of one file (report.c) where 60,000 take 7, and 700 s of all; `make tidy TIDY_NODES=225000`.
TIDY_NODES ?= 60000
# A file each, so that all cores have work: it is most of the time that lint takes.
TIDY_OK := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(wildcard src/*.c src/*/*.c))
$(BUILD)/tidy/%.ok: %.c .clang-tidy $(wildcard src/*.h src/*/*.h include/fdwarden/*.h) \
		| $(GENERATED)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)$(CLANG_TIDY) --quiet $< -- $(TIDY_FLAGS) -Xclang -analyzer-config \
		-Xclang max-nodes=$(TIDY_NODES)
	@touch $@

tidy: $(TIDY_OK)

format:
	$(CLANG_FORMAT) -i $(C_FILES)

# glibc's readdir() is safe for a stream of one's own; ps and check-config have one thread.
CPPCHECK_FLAGS := --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c \
	--enable=warning,performance,portability --suppress=missingInclude \
	--suppress=missingIncludeSystem --suppress=readdirCalled --suppress=getpwuidCalled \
	--suppress=getpwnamCalled --suppress=getgrnamCalled \
	--library=posix,gnu -D__linux__ -D__LP64__ -D__$(ARCH)__ --include=.ci/cppcheck.h -Isrc -Iinclude

lint: $(GENERATED)
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	cppcheck $(CPPCHECK_FLAGS) src/*.c src/*/*.c
	@$(MAKE) --no-print-directory -j$(shell nproc) tidy
	shellcheck $(SCRIPTS)
	mandoc -Tlint -Wwarning docs/*.[1-9]
	.ci/layers

-include $(shell find $(BUILD) -name tools -prune -o -name '*.d' -type f -print 2>/dev/null)

clean:
	rm -rf $(BUILD) build-*
