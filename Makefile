# gale: `make run` serves the examples, `make test` runs every test, `make help` lists the rest.
#
# One variant of the build is one folder: build/ (release) and build/asan/ (ASan and UBSan).
# Every .c below container/ and adapters/ is part of libgale.a, which gale and the unit tests link.

CC ?= cc
CXX ?= c++
PREFIX ?= /usr/local
DESTDIR ?=
VARIANT ?= release

B := build
OPTIMIZE := -O3
ifeq ($(VARIANT),asan)
B := build/asan
OPTIMIZE := -O1 -fno-omit-frame-pointer
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
else ifeq ($(VARIANT),fuzz)
B := build/fuzz
CC := clang
OPTIMIZE := -O1 -fno-omit-frame-pointer
SANITIZE := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
else ifeq ($(VARIANT),coverage)
B := build/coverage
OPTIMIZE := -O1
# Without the built-in execve, before which gcc would write the counts in the child of a vfork.
COVERAGE := --coverage -fprofile-update=atomic -fno-builtin-execve
LDFLAGS += -Wl,-u,__wrap__exit -Wl,--wrap=_exit -Wl,--wrap=raise -Wl,--wrap=sigaction -Wl,--wrap=fexecve
SAVE_COUNTS := tests/coverage/save_counts.c
else
# The highest level that compiler and C library know; they warn of one that they do not.
FORTIFY := $(shell echo '\#include <stdio.h>' | \
    $(CC) -O2 -Werror -D_FORTIFY_SOURCE=3 -E - >/dev/null 2>&1 && echo 3 || echo 2)
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)
# gale itself is optimized as a whole: 8 % fewer instructions a request. The objects hold plain code,
# too, which is what the unit tests link.
ifeq ($(findstring clang,$(shell $(CC) --version)),)
LTO := -flto=auto -ffat-lto-objects
NO_LTO := -fno-lto
endif
endif

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wshadow
CPPFLAGS += -D_GNU_SOURCE -Icontainer -Iinclude -I. $(HARDEN)
CFLAGS += -std=gnu17 -g $(OPTIMIZE) $(WARN) $(SANITIZE) $(COVERAGE) -fPIE -fvisibility=hidden \
          -fstack-clash-protection -fstack-protector-strong -pthread
CXXFLAGS += -std=gnu++17 -g $(OPTIMIZE) -Wall -Wextra -Werror -Wshadow $(SANITIZE) -fPIE \
            -fstack-clash-protection -fstack-protector-strong -pthread
# Tables of functions that cannot be written once it runs, and no code on stacks.
SEALED := -Wl,-z,relro,-z,now,-z,noexecstack
LDFLAGS += -pie -pthread $(SANITIZE) $(COVERAGE) $(SEALED)
# Linked statically and hidden, so that a plugin's own copy of one never meets ours.
LIBS := -Wl,--push-state,-Bstatic -lhttp_parser -linih -ljansson -ldw -lelf -lz -llzma -lbz2 -Wl,--pop-state \
        -Wl,--exclude-libs,libhttp_parser.a:libinih.a:libjansson.a:libdw.a:libelf.a:libz.a:liblzma.a:libbz2.a -ldl
EXPORTS := -Wl,--export-dynamic -Wl,--version-script=container/gale.map

ARCH := $(shell uname -m)
MAIN := container/cli/main.c
SOURCES := $(filter-out $(MAIN),$(wildcard container/*/*.c adapters/*/*.c)) \
           $(SAVE_COUNTS)
ASM := $(wildcard container/loop/coroutine_$(ARCH).S)
OBJECTS := $(SOURCES:%.c=$B/obj/%.o) $(ASM:%.S=$B/obj/%.o)

PLUGIN_SOURCES := $(wildcard plugins/*.c)
PLUGIN_FOLDERS := $(wildcard plugins/*/)
PLUGINS := $(PLUGIN_SOURCES:plugins/%.c=$B/plugins/%.so) \
           $(PLUGIN_FOLDERS:plugins/%/=$B/plugins/%.so)
EXAMPLES := $(patsubst examples/plugins/%/Makefile,$B/examples/%.so,$(wildcard examples/plugins/*/Makefile)) \
            $(patsubst %.c,$B/%,$(wildcard examples/cgi/*.c)) \
            $(patsubst %.c,$B/%,$(wildcard examples/fastcgi/*.c)) \
            $(if $(shell command -v go),$(patsubst examples/go/%/Makefile,$B/examples/go/%.so,$(wildcard examples/go/*/Makefile)))
UNIT_SOURCES := $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c)
UNIT_CXX_SOURCES := $(wildcard tests/unit/*/*.cc)
UNIT := $(UNIT_SOURCES:tests/unit/%.c=$B/unit/%) $(UNIT_CXX_SOURCES:tests/unit/%.cc=$B/unit/%)
FIXTURE_SOURCES := $(wildcard tests/fixtures/plugins/*.c tests/fixtures/plugins/*.cc)
FIXTURES := $(addsuffix .so,$(basename $(FIXTURE_SOURCES:tests/fixtures/plugins/%=$B/fixtures/%)))
UNIT_HELPERS := $(wildcard tests/unit/*.c)
UNIT_HELPER_OBJECTS := $(UNIT_HELPERS:%.c=$B/obj/%.o)

# `make Q=` shows every command.
Q := @

.PHONY: all run deps test unit system check asan install clean format help fuzz bench

all: $B/gale $(PLUGINS) $(EXAMPLES)

help:
	@sed -n 's/^## //p' Makefile

## make run       install what is missing, build, serve the examples at http://127.0.0.1:8080
##                (make run ARGS='--listen 127.0.0.1:9000' serves elsewhere)
run: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$B/gale run conf/gale.ini $(ARGS)

## make deps      install the Debian packages that building, running and testing need
DEPS := libhttp-parser-dev libinih-dev libfcgi-dev libjansson-dev libdw-dev \
        libbz2-dev liblzma-dev zlib1g-dev pkg-config gcc g++ libc6-dev make
TEST_DEPS := check python3-pytest python3 clang clang-format libclang-rt-14-dev valgrind curl \
             netcat-openbsd binutils lsof strace git mandoc nginx-light php-fpm php-cli \
             openssl spawn-fcgi libfcgi-bin dokuwiki php-xml php-mbstring chromium libcgi-fast-perl \
             libfcgi-perl fcgiwrap apache2-bin lighttpd uwsgi-core uwsgi-plugin-python3 golang-go \
             wrk gdb libfaketime slowhttptest
ANALYZE_DEPS := clang-tidy cppcheck
# For the browser tests; a nodejs that is there may bring its own npm.
BROWSER_DEPS := chromium $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm)
deps:
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(DEPS)"
test-deps:
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(DEPS) $(TEST_DEPS) $(BROWSER_DEPS)"
	@[ tests/browser/node_modules/.package-lock.json -nt tests/browser/package-lock.json ] || \
	    { echo 'installing: playwright-core'; npm --prefix tests/browser ci --silent; }
install-packages:
	@missing=$$(for p in $(WANTED); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q '^install ok installed' || echo $$p; \
	done); \
	[ -z "$$missing" ] && exit 0; \
	echo "installing:" $$missing; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	$$root apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $$missing >/dev/null
.PHONY: test-deps install-packages

## make test      every test, twice: as built for release and under ASan and UBSan
test: test-deps
	@$(MAKE) --no-print-directory -j$$(nproc) all $(FIXTURES) unit-binaries
	@$(MAKE) --no-print-directory -j$$(nproc) VARIANT=asan all $(FIXTURES) unit-binaries
	@tests/run

## make unit      the unit tests alone (VARIANT=asan for the sanitizers)
unit: unit-binaries
	@tests/run unit $(VARIANT)
## make system    the system tests alone
system: all $(FIXTURES)
	@tests/run system $(VARIANT)
## make check     layers, only-rules, headers, sizes, exported symbols, format
check: all
	@tests/run check
## make asan      build everything under ASan and UBSan in build/asan
asan:
	@$(MAKE) --no-print-directory VARIANT=asan all $(FIXTURES) unit-binaries

## make coverage  which lines the unit and system tests run, by file
COVERAGE_DEPS := gcovr
coverage: test-deps
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(COVERAGE_DEPS)"
	@$(MAKE) --no-print-directory -j$$(nproc) VARIANT=coverage all unit-binaries
	@tests/coverage/run
.PHONY: coverage

## make analyze   gcc -fanalyzer, clang-tidy and cppcheck over all of gale (minutes)
ANALYZED := $(MAIN) $(SOURCES) $(wildcard plugins/*/*.c)
analyze:
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(DEPS) $(ANALYZE_DEPS)"
	@tests/analyze/run $(ANALYZED)
.PHONY: analyze

unit-binaries: $(UNIT) $(if $(filter asan,$(VARIANT)),$B/replay)
.PHONY: unit-binaries

$B/gale: $B/obj/container/cli/main.o $(OBJECTS) container/gale.map
	@echo '  link $@'
	$(Q)$(CC) $(LDFLAGS) $(OPTIMIZE) $(LTO) -o $@ $(filter %.o,$^) $(EXPORTS) $(LIBS)

$B/libgale.a: $(OBJECTS)
	@rm -f $@
	@echo '  ar   $@'
	$(Q)ar rcs $@ $^

$B/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  cc   $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LTO) -MMD -MP -c -o $@ $<

# The assembler puts files into it, which the link as a whole would lose.
$B/obj/container/cli/project_template.o: LTO :=
$B/obj/container/cli/project_template.o: $(wildcard container/cli/templates/*)

# Where `plugin = NAME` looks after the folders round the binary itself.
$B/obj/adapters/plugin/plugin_file.o: CPPFLAGS += -DGALE_PLUGIN_DIR='"$(PREFIX)/lib/gale/plugins"'

# What base/embed.h puts into an object.
$B/obj/container/app/dev_page.o: container/app/dev.css
$B/obj/container/app/dev_browser.o: container/app/dev.js

$B/obj/%.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CC) -c -o $@ $<

# gale's own plugins are built as any plugin is: against include/gale only. One is a file or a
# folder; pages and styles in a folder become part of it (plugins/embed.h).
PLUGIN_CC = $(CC) -std=gnu17 -g $(OPTIMIZE) $(WARN) $(SANITIZE) -D_GNU_SOURCE $(HARDEN) -Iinclude \
            -fPIC -fvisibility=hidden -fstack-clash-protection -fstack-protector-strong -shared \
            $(SEALED)
PLUGIN_HEADERS := $(wildcard plugins/*.h include/gale/*.h)

$B/plugins/%.so: plugins/%.c $(PLUGIN_HEADERS)
	@mkdir -p $(@D)
	@echo '  so   $@'
	$(Q)$(PLUGIN_CC) -o $@ $<

.SECONDEXPANSION:
$B/plugins/%.so: $$(wildcard plugins/$$*/*) $(PLUGIN_HEADERS)
	@mkdir -p $(@D)
	@echo '  so   $@'
	$(Q)$(PLUGIN_CC) -o $@ $(filter plugins/$*/%.c,$^)

# Plugins that tests load, right and wrong ones.
$B/fixtures/%.so: tests/fixtures/plugins/%.c
	@mkdir -p $(@D)
	@echo '  so   $@'
	$(Q)$(CC) -std=c99 -g $(OPTIMIZE) $(WARN) -Wpedantic $(SANITIZE) -Iinclude -fPIC \
	    -fvisibility=hidden -shared -MMD -MP -o $@ $<
$B/fixtures/%.so: tests/fixtures/plugins/%.cc
	@mkdir -p $(@D)
	@echo '  so   $@'
	$(Q)$(CXX) -std=c++98 -g $(OPTIMIZE) -Wall -Wextra -Wpedantic -Werror $(SANITIZE) -Iinclude -fPIC \
	    -fvisibility=hidden -shared -MMD -MP -o $@ $<
$(filter $B/unit/adapters/plugin/% %/test_probe,$(UNIT)): | $(FIXTURES)

$B/examples/cgi/%: examples/cgi/%.c
	@mkdir -p $(@D)
	@echo '  cgi  $@'
	$(Q)$(CC) -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -o $@ $<

# FastCGI programs, which know nothing of gale.
$B/examples/fastcgi/%: examples/fastcgi/%.c
	@mkdir -p $(@D)
	@echo '  cc   $<'
	$(Q)$(CC) -std=gnu17 -g $(OPTIMIZE) $(WARN) $(SANITIZE) -pthread -o $@ $< \
	    -Wl,-Bstatic -lfcgi -Wl,-Bdynamic

# The examples' own Makefiles work out of tree; here they are told where gale's headers are.
$B/examples/%.so: FORCE
	@mkdir -p $(@D)
	@$(MAKE) --no-print-directory -s -C examples/plugins/$* OUT=$(abspath $@) \
	    GALE_CFLAGS="-I$(abspath include)" EXTRA="$(SANITIZE)"
$B/examples/go/%.so: FORCE
	@mkdir -p $(@D)
	@$(MAKE) --no-print-directory -s -C examples/go/$* OUT=$(abspath $@) \
	    GALE_CFLAGS="-I$(abspath include)"
FORCE:
.PHONY: FORCE

$B/unit/%: tests/unit/%.c $(UNIT_HELPER_OBJECTS) $B/libgale.a
	@mkdir -p $(@D)
	@echo '  test $<'
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(NO_LTO) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< \
	    $(UNIT_HELPER_OBJECTS) $B/libgale.a $(EXPORTS) $(LIBS) $$(pkg-config --libs check)

$B/unit/%: tests/unit/%.cc $(UNIT_HELPER_OBJECTS) $B/libgale.a
	@mkdir -p $(@D)
	@echo '  test $<'
	$(Q)$(CXX) $(CPPFLAGS) -Itests/unit $(CXXFLAGS) $(NO_LTO) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< \
	    $(UNIT_HELPER_OBJECTS) $B/libgale.a $(EXPORTS) $(LIBS) $$(pkg-config --libs check)

## make fuzz      run every fuzz target for SECONDS=60
SECONDS ?= 60
FUZZ := $(patsubst tests/fuzz/%.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz: test-deps
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzz-binaries
	@tests/fuzz/run $(SECONDS)
fuzz-binaries: $(FUZZ)
.PHONY: fuzz-binaries

# The same targets without a fuzzer in one program, which replays the corpora as tests.
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJECTS := $(FUZZ_NAMES:%=$B/obj/replay/%.o)
$B/obj/replay/%.o: tests/fuzz/fuzz_%.c
	@mkdir -p $(@D)
	@echo '  cc   $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(NO_LTO) -DLLVMFuzzerTestOneInput=fuzz_$* -MMD -MP -c -o $@ $<
$B/replay: tests/fuzz/replay.c $(FUZZ_OBJECTS) $B/libgale.a
	@echo '  test $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(NO_LTO) $(LDFLAGS) -D'TARGETS=$(patsubst %,X(%),$(FUZZ_NAMES))' -o $@ $< \
	    $(FUZZ_OBJECTS) $B/libgale.a $(EXPORTS) $(LIBS)

## make fuzz-server  throw mutated requests at a whole gale under ASan for SECONDS=60
fuzz-server: test-deps
	@$(MAKE) --no-print-directory VARIANT=asan all
	@tests/fuzz/server/run $(SECONDS) build/asan
.PHONY: fuzz-server

## make soak      MINUTES=60 of mixed load, reloads, kills and upgrades (VARIANT=asan)
MINUTES ?= 60
soak: test-deps all $B/fixtures/probe.so
	@tests/soak/run $(MINUTES) $B
.PHONY: soak

$B/fuzz_%: tests/fuzz/fuzz_%.c $B/libgale.a
	@mkdir -p $(@D)
	@echo '  fuzz $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< \
	    $B/libgale.a $(LIBS)

## make hostile   the whole corpus of raw requests, then slow clients and floods by the thousand
##                (some minutes; tests/hostile/run CONNECTIONS SECONDS for more or less)
hostile: test-deps
	@$(MAKE) --no-print-directory all $(FIXTURES)
	@GALE_CORPUS=all tests/system/run $B -k corpus
	@tests/hostile/run
.PHONY: hostile

## make bench     gale beside nginx, lighttpd, h2o and Apache; one row alone: ONLY=hello,static
##                (also ROUNDS=5 SECONDS=1; `bench/run --list` names the rows)
BENCH_DEPS := wrk nginx-light lighttpd h2o apache2-bin spawn-fcgi valgrind
BENCH := $(patsubst %.c,$B/%,$(wildcard bench/floors/*.c) bench/load/client.c bench/load/fcgi_hello.c) \
         $B/bench/load/stream.so
$B/bench/load/fcgi_hello: BENCH_LIBS := -pthread -Wl,-Bstatic -lfcgi -Wl,-Bdynamic
bench: deps
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(BENCH_DEPS)"
	@$(MAKE) --no-print-directory -j$$(nproc) all bench-binaries
	@bench/run $(addprefix --rounds ,$(ROUNDS)) $(if $(filter command line,$(origin SECONDS)),--seconds $(SECONDS)) $(subst $(comma), ,$(ONLY))
comma := ,
bench-binaries: $(BENCH)
.PHONY: bench-binaries

# A worker without its master, linked as gale itself is.
$B/bench/counted/server: $B/obj/bench/counted/server.o $(OBJECTS)
	@mkdir -p $(@D)
	@echo '  link $@'
	$(Q)$(CC) $(LDFLAGS) $(OPTIMIZE) $(LTO) -o $@ $(filter %.o,$^) $(EXPORTS) $(LIBS)

## make instructions  how many instructions requests cost, against bench/instructions.txt
##                    (SAVE=1 writes that file)
instructions: deps
	@$(MAKE) --no-print-directory -s install-packages WANTED="$(BENCH_DEPS)"
	@$(MAKE) --no-print-directory -j$$(nproc) all $B/bench/counted/server
	@bench/instructions $(if $(SAVE),--save)
.PHONY: instructions

## make screenshots  what a browser shows of gale dev, for the documentation
screenshots: test-deps all
	@tests/system/run $B -k test_dev_browser
	@for name in broken refused failed asan conf; do \
	    cp $B/screenshots/$$name-light.png docs/images/dev-$$name.png; \
	done
.PHONY: screenshots

## make bench-dev    from the save of a plugin to the first answer by it, beside the compiler alone
bench-dev: all
	@bench/edit-to-live
.PHONY: bench-dev

$(filter-out %.so,$(BENCH)): $B/%: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -O2 -Wall -o $@ $< $(BENCH_LIBS)
$B/bench/load/%.so: bench/load/%.c $(PLUGIN_HEADERS)
	@mkdir -p $(@D)
	$(Q)$(PLUGIN_CC) -o $@ $<

## make keys      write every key of the configuration into conf/full.ini and
##                docs/configuration.md, from gale's own tables
keys: $B/gale
	@echo '  doc  conf/full.ini'
	$(Q)$B/gale document ini >conf/full.ini
	@echo '  doc  docs/configuration.md'
	$(Q)sed -i '/^<!-- by make keys -->/q' docs/configuration.md
	$(Q)$B/gale document markdown >>docs/configuration.md
.PHONY: keys

# The keys in the manual page come from the same tables.
$B/man/gale.ini.5: docs/man/gale.ini.5.in $B/gale
	@mkdir -p $(@D)
	@echo '  man  $@'
	$(Q)$B/gale document mdoc >$@.keys
	$(Q)sed -e '/^@KEYS@$$/{r $@.keys' -e 'd}' $< >$@
	$(Q)rm $@.keys

# A file with @PREFIX@ and @VERSION@ in it.
VERSION := $(shell sed -n 's/^\#define GALE_VERSION "\(.*\)"/\1/p' container/base/version.h)
$B/share/%: conf/%.in container/base/version.h FORCE
	@mkdir -p $(@D)
	@sed 's|@PREFIX@|$(PREFIX)|g; s|@VERSION@|$(VERSION)|g' $< >$@

## make install   into PREFIX=/usr/local, below DESTDIR where that is set
TO := $(DESTDIR)$(PREFIX)
DOC := $(TO)/share/doc/gale
install: $B/gale $(PLUGINS) $B/man/gale.ini.5 $B/share/gale.pc $B/share/gale.service
	install -D -m 755 $B/gale $(TO)/bin/gale
	install -D -m 644 -t $(TO)/include/gale include/gale/*
	install -d $(TO)/lib/gale/plugins
	$(if $(PLUGINS),install -m 755 -t $(TO)/lib/gale/plugins $(PLUGINS))
	install -D -m 644 -t $(TO)/lib/pkgconfig $B/share/gale.pc
	install -D -m 644 -t $(TO)/lib/systemd/system $B/share/gale.service
	install -D -m 644 -t $(TO)/share/man/man1 docs/man/gale.1
	install -D -m 644 -t $(TO)/share/man/man3 docs/man/gale_plugin.3
	install -D -m 644 -t $(TO)/share/man/man5 $B/man/gale.ini.5
	install -D -m 644 -t $(DOC) README.md CHANGELOG.md LICENSE docs/*.md conf/full.ini conf/system.ini
	for f in $$(find examples/plugins examples/go -name Makefile -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.go' -o -name go.mod); do \
	    install -D -m 644 $$f $(DOC)/$$f || exit 1; \
	done
	install -D -t $(DOC)/examples/cgi examples/cgi/*

## make uninstall take away what install put there
uninstall:
	rm -f $(TO)/bin/gale $(TO)/lib/pkgconfig/gale.pc $(TO)/lib/systemd/system/gale.service \
	    $(TO)/share/man/man1/gale.1 \
	    $(TO)/share/man/man3/gale_plugin.3 $(TO)/share/man/man5/gale.ini.5
	rm -f $(PLUGINS:$B/plugins/%=$(TO)/lib/gale/plugins/%)
	-rmdir $(TO)/lib/gale/plugins $(TO)/lib/gale
	rm -rf $(TO)/include/gale $(DOC)
.PHONY: uninstall

## make format    write the house format into every C file
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

-include $(shell find $B -name '*.d' 2>/dev/null)
