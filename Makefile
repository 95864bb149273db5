# The front door of the build. CMake does the work in build/; this says what can be asked for.

PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
ARGS ?= generate "Once upon a time"

# A fresh build folder gets Ninja where there is one; an existing one keeps what it has.
MAKEFLAGS += --no-print-directory
export CMAKE_GENERATOR ?= $(if $(shell command -v ninja),Ninja,Unix Makefiles)
BUILD = cmake --build $(1) -j $(JOBS)

.PHONY: default all run test test-long asan tsan clang aarch64 armv7 riscv64 windows macos macos-intel wasm \
        fuzz opencl oclgrind bench \
        install wheel deb static release check-packages symbols format clean help

default: build/CMakeCache.txt ## the program, as ./wkv
	@$(call BUILD,build) --target wkv
	@ln -sf build/wkv wkv

all: build/CMakeCache.txt ## everything: the program, the libraries, the tests
	@$(call BUILD,build)
	@ln -sf build/wkv wkv

build/CMakeCache.txt:
	@cmake --preset release

run: default ## let the built-in model write; ARGS='chat' for something else
	./wkv $(ARGS)

test: all ## the tests; the last line is "N passed, N failed"
	@tools/check.sh build

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@cmake --preset asan
	@$(call BUILD,build/asan)
	@tools/check.sh build/asan

tsan: ## the tests under ThreadSanitizer
	@cmake --preset tsan
	@$(call BUILD,build/tsan)
	@tools/check.sh build/tsan

clang: ## the tests of a build by clang
	@cmake --preset clang
	@$(call BUILD,build/clang)
	@tools/check.sh build/clang

aarch64: ## a static program for Linux on 64-bit Arm, built here; the tests under qemu (Debian 12)
armv7: ## the same for 32-bit Arm with VFPv4
riscv64: ## the same for 64-bit RISC-V, with its vectors where the processor has them
windows: ## 64-bit Windows on a Debian 12: build/windows/wkv.exe, its tests under Wine
macos: ## macOS on Apple's processors, on a Debian 12: program, libraries and tests, of which none runs there
macos-intel: ## the same on Intel's
wasm: ## a page for browsers with the library inside: build/wasm/wkv.html, its tests in node and Chromium (Debian 12)
aarch64 armv7 riscv64 windows macos macos-intel wasm:
	@JOBS=$(JOBS) tools/foreign.sh $@

test-long: export WKV_LONG = 1
test-long: test opencl clang asan tsan fuzz oclgrind ## all of these, one after another

opencl: all ## the tests with WKV_DEVICE=opencl; tests/opencl.txt names those that are about the processor, with reasons
	@tools/opencl.sh build

oclgrind: all ## every OpenCL kernel under oclgrind, which reports wrong accesses and data races
	@tools/oclgrind.sh build

fuzz: ## a minute of fuzzing for each file reader (clang) and for the server, and mutants of each format; FUZZ_SECONDS=600 FUZZ_MUTANTS=1000000 for more
	@tools/fuzz.sh $(or $(FUZZ_SECONDS),60)

bench: default ## how fast this machine is, beside what it could be
	./wkv bench

install: build/CMakeCache.txt ## program, libraries, headers, manual; PREFIX=/usr/local, DESTDIR=
	@$(call BUILD,build) --target dist
	@DESTDIR=$(DESTDIR) cmake --install build --prefix $(PREFIX)

wheel: ## the Python package, as build/wkv-VERSION-py3-none-PLATFORM.whl
	@JOBS=$(JOBS) tools/wheel.sh

deb: ## the packages of Debian, in build/packages
	@JOBS=$(JOBS) tools/deb.sh

static: ## the program for any Linux of this processor, with musl: an archive in build/packages
	@JOBS=$(JOBS) tools/static.sh

release: ## sources, packages, static program, Python package and SHA256SUMS of the last commit, in build/release; URL=https://... for the formula
	@JOBS=$(JOBS) URL=$(URL) tools/release.sh

check-packages: ## install and run what make release has built: in a bare Debian, in an empty folder, on older processors; as root
	@tools/check-packages.sh build/release

symbols: build/CMakeCache.txt ## what the libraries export; fails if that is anything but wkv_*
	@$(call BUILD,build) --target dist
	@tools/symbols.sh build

FILES ?= $(shell git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h') $(shell git ls-files -o --exclude-standard -- '*.c' '*.h')
format: ## clang-format on what is not committed yet, or on FILES=
	@$(if $(strip $(FILES)),clang-format -i $(FILES),true)

clean: ## remove everything built
	rm -rf build wkv

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
