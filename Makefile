# Targets: all demo check lint bench soak install uninstall clean; README.
# No configure step: CC, CFLAGS, LDFLAGS, PREFIX, MANDIR, DESTDIR are for make.

PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
CFLAGS ?= -O2 -g
WARN    = -std=c11 -D_GNU_SOURCE -Isrc -Wall -Wextra
LDLIBS  = -Wl,--as-needed -lyyjson -lsqlite3 -lmicrohttpd -lhttp_parser -lzstd \
    -lcrypto -lm

# Where programs go, and all else that is built.  A variant (san, kill, what
# lint builds) is this same Makefile run again in build/NAME.
B       = bin
O       = build
variant = O=build/$(1) B=build/$(1)/bin

# src/es-*.c is a program each; the layers beside them are one archive, of
# which the linker takes what a program calls.  A program that only pipes
# others together is a script in bin/, copied to where a variant's programs are.
LAYERS  = base model site sync api
MODULES = $(wildcard $(LAYERS:%=src/%/*.c))
PROGS   = $(patsubst src/%.c,$(B)/%,$(wildcard src/es-*.c))
UNITS   = $(patsubst tests/unit/%.c,$(O)/tests/%,$(wildcard tests/unit/*.c))
BENCHES = $(patsubst tests/bench/%.c,$(O)/bench/%,$(wildcard tests/bench/*.c))
SOURCES = $(strip $(MODULES) \
    $(wildcard src/es-*.c tests/unit/*.c tests/bench/*.c))
SCRIPTS = $(call scripts,bin/*)
scripts = $(shell grep -slxE '\#! ?/bin/(ba)?sh' $(1))

# The DocTypes that every site has, as the programs carry them.
BUILTIN = $(wildcard share/doctypes/core.json \
    share/doctypes/event_streaming.json)

MAKEFLAGS += -r --no-print-directory

all: $(PROGS) $(SCRIPTS:bin/%=$(B)/%)
unit: $(UNITS)
benches: $(BENCHES)

# With the sanitizers of the compiler; and for tests that kill a program at
# each of its commit points, which it counts.
SAN     = -fsanitize=address,undefined -fno-sanitize-recover=undefined
san:
	$(MAKE) $(call variant,san) all unit CFLAGS='-g -O1 $(SAN)'
kill:
	$(MAKE) $(call variant,kill) all CPPFLAGS=-DES_KILLPOINTS

link = mkdir -p $(@D) && $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(PROGS): $(B)/%: $(O)/obj/src/%.o $(O)/libes.a
	@$(link)
$(UNITS): $(O)/tests/%: $(O)/obj/tests/unit/%.o $(O)/libes.a
	@$(link)
$(BENCHES): $(O)/bench/%: $(O)/obj/tests/bench/%.o $(O)/libes.a
	@$(link)
ifneq ($(B),bin)
$(B)/%: bin/%
	@mkdir -p $(@D) && cp $< $@
endif
$(O)/libes.a: $(MODULES:%.c=$(O)/obj/%.o) $(O)/obj/builtin.o
	@rm -f $@ && ar rcs $@ $^
$(O)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/obj/builtin.o: $(O)/gen/builtin.c
	@mkdir -p $(@D)
	@$(CC) $(WARN) $(CFLAGS) -c -o $@ $<

# A string a line; a question mark could begin a trigraph.
$(O)/gen/builtin.c: $(BUILTIN) Makefile
	@mkdir -p $(@D)
	@{ echo '#include <stddef.h>'; \
	   echo 'extern const char *const builtin_doctypes[];'; \
	   echo 'const char *const builtin_doctypes[] = {'; \
	   for f in $(BUILTIN); do \
		sed 's/[\\"?]/\\&/g; s/.*/"&\\n"/' $$f && echo , || exit; \
	   done; \
	   echo 'NULL };'; } >$@

# What the tests are told: where the tree is, and each build of it.
TESTENV = PATH="$(CURDIR)/bin:$$PATH" ES_TOP="$(CURDIR)" \
    ES_BIN="$(CURDIR)/bin" ES_SAN="$(CURDIR)/build/san/bin" \
    ES_KILL="$(CURDIR)/build/kill/bin" ES_UNIT="$(CURDIR)/build/tests" \
    ES_BENCH="$(CURDIR)/build/bench"

demo:
	@share/install-deps build demo
	@$(MAKE) all
	@$(TESTENV) sh share/demo

# The last line of the run is prove's verdict.
check:
	@share/install-deps
	@$(MAKE) all san kill unit
	@$(TESTENV) prove -j2 --timer -f -o tests/*.t

bench: all benches
	@$(TESTENV) sh tests/bench/run
soak: all san kill
	@$(TESTENV) sh tests/soak

# Nothing is looked at that is not there yet.  Of clang-tidy's checks we leave
# out those of taste and those that are wrong more often than right; what it
# says to stderr is how many warnings it did not show.
CPPCHECK = cppcheck -q -j2 --std=c11 -Isrc --error-exitcode=1 --inline-suppr \
    --include=tests/cppcheck.h \
    --enable=warning,performance,portability \
    --suppress=normalCheckLevelMaxBranches $(SOURCES)
TIDY = clang-tidy --quiet --warnings-as-errors='*' --checks='-*,bugprone-*,$\
    -bugprone-assignment-in-if-condition,-bugprone-branch-clone,$\
    -bugprone-easily-swappable-parameters,-bugprone-implicit-widening-*,$\
    -bugprone-inc-dec-in-conditions,-bugprone-macro-parentheses,$\
    -bugprone-multi-level-implicit-pointer-conversion,$\
    -bugprone-narrowing-conversions,-bugprone-reserved-identifier,$\
    -bugprone-sizeof-expression,-bugprone-switch-missing-default-case,$\
    clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,$\
    -clang-analyzer-valist.*'
# Of a function fewer paths are followed than by default, in a third of the time.
PATHS = -Xclang -analyzer-config -Xclang max-nodes=75000
# Arrows point down: a layer includes itself and what is below it, and what the
# model wants of a process, a database or a file it asks its callers for.
lint:
	@share/install-deps build lint
	$(if $(wildcard man/*),mandoc -Tlint -Wwarning man/*)
	$(if $(wildcard man/es.7),$(README) | diff README -)
	shellcheck $(call scripts,share/* .ci/run bin/* tests/bench/run tests/soak)
	shellcheck -S warning -e SC1090,SC2034 tests/lib.sh tests/sites.sh tests/serve.sh \
	    $(call scripts,tests/*.t)
	@below=; for l in $(LAYERS); do below="$$below$${below:+|}$$l"; \
		! grep -Hn '^#include "' src/$$l/*.[ch] | \
		    grep -Ev "\"($$below)/" || exit; \
	done
	$(MAKE) -s $(call variant,gcc) CC=gcc CFLAGS='-O2 -Werror' all unit benches
	! nm -Au build/gcc/obj/src/model/*.o | grep -E \
	    ' (((child|db|hook|http|listen|plain|prog)_.*)|f?open|fork|popen)$$'
	$(MAKE) -s $(call variant,clang) CC=clang CFLAGS='-O2 -Werror' \
	    all unit benches
	$(if $(SOURCES),$(CPPCHECK))
	@printf '%s\n' $(SOURCES) | \
	    xargs -P2 -I{} $(TIDY) {} -- $(WARN) $(PATHS) 2>/dev/null

# One overview, not two; without the overstrikes, and the same on any system.
README = mandoc -Tascii -Ios=es man/es.7 | sed "s/.$$(printf '\b')//g"
README: man/es.7
	$(README) >$@

dest = $(DESTDIR)$(PREFIX)
install: all
	@for f in $(PROGS) $(SCRIPTS); do \
		install -D -m 755 "$$f" "$(dest)/bin/$${f##*/}" || exit; \
	done
	@for f in $(wildcard man/*); do install -D -m 644 "$$f" \
		"$(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/}" || exit; \
	done
	@cd share && for f in $$(find $(notdir $(wildcard share/doctypes \
	    share/examples)) -type f); do \
		install -D -m 644 "$$f" "$(dest)/share/es/$$f" || exit; \
	done
uninstall:
	@for f in $(notdir $(PROGS) $(SCRIPTS)); do \
		rm -f "$(dest)/bin/$$f"; \
	done
	@for f in $(notdir $(wildcard man/*)); do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${f##*.}/$$f"; \
	done
	rm -rf "$(dest)/share/es"

clean:
	rm -rf build $(PROGS)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all unit benches san kill demo check bench soak lint install \
    uninstall clean
-include $(SOURCES:%.c=$(O)/obj/%.d)
