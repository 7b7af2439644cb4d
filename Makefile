# `make` alone prints what there is.

PYTHON ?= python3
RUNTIME ?= micropython
HTTP_PORT ?=
HTTP_HOST ?=
MINUTES ?= 10
APP ?=
CONFIG ?=
HOST ?=
PORT ?=
FLEET ?=
FIRMWARE ?=
BAUD ?=
DRY_RUN ?=
ARGS ?=

# Whatever the language of this computer, our files and answers are UTF-8.
export PYTHONUTF8 := 1
# What is set for another Python, or for its pip, is not for .venv.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH
export PIP_USER := 0

# As they were given, with each "$" that is in them.
GIVEN := APP CONFIG FIRMWARE FLEET HOST PORT BAUD HTTP_PORT HTTP_HOST RUNTIME MINUTES INTERFACE \
	WIFI_SSID WIFI_PASSWORD ETHERNET_BOARD BOARD_HOSTNAME UPDATE_PASSWORD
as_given = $(if $(filter command environment,$(firstword $(origin $(1)))),$(eval override $(1) := $$(value $(1)))$(eval export $(1)))
$(foreach name,$(GIVEN),$(call as_given,$(name)))

BIN := .venv/bin
TOOLS := $(BIN)/python -m tools

# The Python that .venv was made from goes with an upgrade: then it is made anew.
$(shell test -x $(BIN)/python || rm -f .venv/run .venv/board .venv/check)

dry_run = $(if $(filter-out 0 no off false,$(DRY_RUN)),--dry-run)

# As one word of the shell, whatever is in it.
quoted = '$(subst ','\'',$(1))'

.DEFAULT_GOAL := help
.PHONY: help run new build bench doctor flash deploy fleet rollback monitor config test lint check smoke soak clean

help: ## prints this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf 'make %-8s %s\n' "$$name" "$$text"; done

run: .venv/run ## runs httpd32 here; HTTP_PORT=8080 HTTP_HOST= APP=main.py CONFIG= RUNTIME=micropython|cpython
	@exec $(TOOLS) run --runtime $(call quoted,$(RUNTIME)) --port $(call quoted,$(HTTP_PORT)) \
		--host $(call quoted,$(HTTP_HOST)) --app $(call quoted,$(APP)) --config $(call quoted,$(CONFIG))

new: .venv/run ## begins an application in a folder of its own; APP=folder
	@$(TOOLS) new $(call quoted,$(APP))

build: .venv/run ## compiles the firmware into build/board, as the board's flash holds it
	@$(TOOLS) build

bench: .venv/run ## measures httpd32 beside plain Microdot and a bare loop; ARGS=--quick for a look
	@$(TOOLS) bench $(ARGS)

doctor: .venv/board ## looks at the tools, the ports and the boards, and says what to do; PORT=
	@$(TOOLS) doctor --port $(call quoted,$(PORT))

flash: .venv/board ## puts MicroPython on the board; PORT= FIRMWARE=file.bin BAUD= DRY_RUN=1
	@$(TOOLS) flash --port $(call quoted,$(PORT)) --firmware $(call quoted,$(FIRMWARE)) \
		$(if $(BAUD),--baud $(call quoted,$(BAUD))) $(dry_run)

config: $(if $(HOST),.venv/board,.venv/run) ## asks for the network, writes config.json; INTERFACE= WIFI_SSID= ...; HOST= sends it
	@$(TOOLS) config --config $(call quoted,$(CONFIG)) --host $(call quoted,$(HOST))

deploy: .venv/board ## copies to the board what changed and starts it; PORT= or HOST= APP= CONFIG=config.json DRY_RUN=1
	@$(TOOLS) deploy --port $(call quoted,$(PORT)) --host $(call quoted,$(HOST)) --app $(call quoted,$(APP)) \
		--config $(call quoted,$(CONFIG)) $(dry_run)

fleet: .venv/board ## deploys to every board of fleet.toml; writes HAProxy's and Prometheus's files; FLEET= DRY_RUN=1
	@$(TOOLS) fleet --fleet $(call quoted,$(FLEET)) $(dry_run)

rollback: .venv/board ## back to the version before on the board, and forth; PORT= or HOST= DRY_RUN=1
	@$(TOOLS) rollback --port $(call quoted,$(PORT)) --host $(call quoted,$(HOST)) $(dry_run)

monitor: .venv/board ## the board's console, Ctrl-] leaves; PORT=
	@$(TOOLS) monitor --port $(call quoted,$(PORT))

test: .venv/check build/typings build/oldest ## everything that can be tested without a board; ARGS= for pytest
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/check build/typings ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && \
		$(BIN)/python -m mypy --no-error-summary && $(BIN)/python -m mypy --no-error-summary --config-file tools/mypy.ini

check: lint test ## lint, types, tests and a minute of soak: what CI runs
	@$(TOOLS) soak --minutes 1

smoke: .venv/check ## the black-box tests against a running server; HOST=host or host:port
	@$(TOOLS) smoke $(call quoted,$(HOST)) $(ARGS)

soak: .venv/run ## a mixed load with faults, and a table; MINUTES=10 HOST= of a board, else make run; RUNTIME=
	@$(TOOLS) soak --minutes $(call quoted,$(MINUTES)) --host $(call quoted,$(HOST)) --runtime $(call quoted,$(RUNTIME))

clean: ## removes .venv and build
	rm -rf .venv build

build/typings build/oldest: build/%: host_tests/%.txt .venv/check
	@rm -rf $@
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ -r $<
	@if test $@ = build/typings; then $(NAME_TYPES); fi
	@touch $@

build/typings: host_tests/names.pyi
# The board's ticks are plain integers.
NAME_TYPES = cat host_tests/names.pyi >> $@/stdlib/builtins.pyi && \
	sed -i.orig 's/^class _TicksMs:/class _TicksMs(int):/' $@/_mpy_shed/time_mp.pyi

.venv/run: tools/requirements.txt
.venv/board: tools/board-requirements.txt tools/requirements.txt
.venv/check: host_tests/requirements.txt tools/board-requirements.txt tools/requirements.txt
.venv/run .venv/board .venv/check:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
		{ echo 'Python 3.10 or later is needed; make PYTHON=python3.12 ...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'Python cannot make a virtual environment; apt install python3-venv'; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo 'Installing $< into .venv'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	@touch $@
