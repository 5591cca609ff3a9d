# The front door; everything else is CMake (CMakePresets.json) and tools/.
.PHONY: help build test demo bench check format format-check tidy layers size asan tsan soak coverage clean

CLANG_FORMAT ?= clang-format # 14, as in Debian 12: other versions set some lines otherwise
CLANG_TIDY ?= clang-tidy     # 14
SOURCES = find include core kernels nn data infer eval train export cli tests bench examples \
          -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.hpp' 2>/dev/null

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

build: ## build/bin/facenet (installs missing packages first, as all of these do)
	@tools/setup.sh
	cmake --preset cpu
	cmake --build --preset cpu --target facenet

test: ## every test, then the C tests under ASan and UBSan
	@tools/setup.sh tests
	@tools/test.sh

demo: build ## train, evaluate and export a small network on drawn faces
	@tools/demo.sh

bench: build ## against PyTorch, onnxruntime, OpenVINO, OpenCV: docs/benchmarks.md
	@tools/setup.sh bench
	cmake --build --preset cpu
	build/venv-bench/bin/python3 bench/run.py

check: format-check tidy layers size ## what a machine can say about the style

format: ## set every source as .clang-format says
	$(SOURCES) | xargs $(CLANG_FORMAT) -i

format-check: ## fails where `make format` would change something
	$(SOURCES) | xargs $(CLANG_FORMAT) --dry-run -Werror

tidy: build ## clang-tidy
	$(SOURCES) | grep '\.c$$' | grep -v ^examples/ | xargs -P $$(nproc) -n 8 $(CLANG_TIDY) -p build --quiet

layers: ## who includes whom
	tools/check-layers.sh

size: ## lines and functions, and their limits
	tools/size.sh

asan: ## the C tests under AddressSanitizer and UndefinedBehaviorSanitizer
tsan: ## the threaded C tests under ThreadSanitizer
asan tsan:
	@tools/setup.sh
	cmake --preset $@
	cmake --build --preset $@
	ctest --preset $@

soak: build ## an hour of training that has to keep its memory
	@tools/soak.sh

coverage: ## lines that the tests run
	@tools/setup.sh tests
	cmake --preset coverage
	cmake --build --preset coverage
	find build-coverage -name '*.gcda' -delete
	ctest --preset coverage
	tools/coverage.sh

clean: ## remove what was built, but not the Python packages
	rm -rf build-*
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name 'venv*' -exec rm -rf {} +
