# segxal: `make help` lists the targets. Needs Python >= 3.10 and make; everything is installed into .venv with pip.
PYTHON ?= python3
PRESET ?= quick
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# This folder may have any name. Its path is the shell's own $$PWD and never text of a recipe, and programs of .venv are
# started as modules: the first line of their scripts holds the path and goes wrong with a quote or a $$( ) in it.
SEGXAL := $(BIN)/python -m segxal.apps.cli
# Touched when the environment is complete; remade when the lock or the package's requirements change.
STAMP := $(VENV)/.installed
NOTEBOOKS := $(wildcard notebooks)
# Tests and notebooks have results of their own, made anew: they show what this code computes, not what lies on disk.
FRESH = build/$@
OWN = SEGXAL_HOME="$$PWD/$(FRESH)"
# A Label Studio server has an environment of its own: what it pins does not fit beside JupyterLab.
PORT ?= 8080
SERVER_VERSION := 1.23.2
SERVER_VENV := .venv-label-studio
SERVER_STAMP := $(SERVER_VENV)/.installed-$(SERVER_VERSION)
# Voila has an environment of its own too; its kernels are those of .venv, named by an absolute path.
APP_VERSION := 0.5.13
APP_VENV := .venv-app
APP_STAMP := $(APP_VENV)/.installed-$(APP_VERSION)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install reproduce study test lint format notebooks bench lab app app-install site slides label-studio \
	label-studio-install doctor lock clean clean-venv

help:  ## list the targets
	@echo "segxal: explainable active learning for driving scenes"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12  the Python that makes .venv (now: $(PYTHON)), at least 3.10"
	@echo "  PRESET=camvid      which study (now: $(PRESET)): smoke, quick, camvid, camvid-pixels, camvid-ralis,"
	@echo "                     smoke-ralis, camvid-adaptation, smoke-adaptation, gta5-advent, gta5-ripu,"
	@echo "                     gta5-stal, camvid-full, paper"
	@echo "  ARGS='--jobs 2'    more options for the command behind a target: segxal, pytest, jupyter lab, voila"

reproduce: $(STAMP)  ## install, run the quick study, say where tables, figures and notebooks are
	$(SEGXAL) reproduce --preset quick $(ARGS)

study: $(STAMP)  ## the same for another preset: make study PRESET=camvid
	$(SEGXAL) reproduce --preset $(PRESET) $(ARGS)

test: $(STAMP)  ## install what is missing, then run all tests and check all notebooks (nbval)
	@# Two workers of one thread; the tests of one file or notebook stay in one worker.
	rm -rf $(FRESH) && $(OWN) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		--nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg tests $(NOTEBOOKS) $(ARGS)

lint: $(STAMP)  ## check rules, format, types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

format: $(STAMP)  ## fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(STAMP)  ## run the notebooks with the smoke preset in place, keeping outputs and counts
	@# Twice: the second time every run is on disk, and no progress bars of training are kept in the files.
	rm -rf $(FRESH)
	for pass in 1 2; do $(OWN) $(BIN)/python -m nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.kernel_name=python3 --ExecutePreprocessor.record_timing=False \
		--ClearMetadataPreprocessor.enabled=True --ClearMetadataPreprocessor.clear_cell_metadata=False \
		--ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec \
		$(sort $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)) || exit 1; done

bench: $(STAMP)  ## measure speed against plain implementations, as ratios within one run
	$(BIN)/python bench/run.py $(ARGS)

lab: $(STAMP)  ## open JupyterLab in the notebooks folder
	$(BIN)/python -m jupyterlab --LabApp.news_url=None notebooks $(ARGS)

site: $(STAMP)  ## build the documentation and gallery as a static site, links checked (build/site/html)
	$(BIN)/python -m segxal.apps.site

slides: $(STAMP)  ## reveal.js slides of the workshop that need no network (build/slides; npm fetches reveal.js once)
	mkdir -p build && cd build && npm pack --silent reveal.js@4.6.1 && tar xzf reveal.js-4.6.1.tgz
	$(BIN)/python -m segxal.apps.workshop.slides --reveal build/package --out build/slides

app: $(STAMP) $(APP_STAMP)  ## run the EEM explorer as its own page, on this machine only (PORT=8080)
	JUPYTER_PATH="$$PWD/$(APP_VENV)/kernel" $(APP_VENV)/bin/python -m voila notebooks/explore_eem.ipynb --Voila.ip=127.0.0.1 \
		--port=$(PORT) --MappingKernelManager.cull_idle_timeout=3600 $(ARGS)

app-install: $(APP_STAMP)  ## only install what make app needs; make test then checks it too

# Voila starts "python" from its own environment, which has no segxal: the kernel is named by its whole path. The widgets
# in the page must be of the versions that the kernel has.
$(APP_STAMP): $(STAMP)
	@$(APP_VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(APP_VENV)
	@echo "Installing Voila $(APP_VERSION) into $(APP_VENV): 140 MB, seconds, only this once"
	$(APP_VENV)/bin/python -m pip install --quiet voila==$(APP_VERSION) \
		$$($(BIN)/python -m pip freeze | grep -E '^(anywidget|ipywidgets|jupyterlab_widgets)==')
	@mkdir -p $(APP_VENV)/kernel/kernels/python3
	@$(BIN)/python -c 'import json, sys; print(json.dumps({"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", \
		"{connection_file}"], "display_name": "Python 3"}))' > $(APP_VENV)/kernel/kernels/python3/kernel.json
	@touch $@

label-studio: $(STAMP) $(SERVER_STAMP)  ## start a Label Studio server on this machine and say how to reach it (PORT=8080)
	$(BIN)/python -m segxal.apps.annotate.local $(SERVER_VENV)/bin/label-studio .label-studio $(PORT)

label-studio-install: $(SERVER_STAMP)  ## only install that server; make test then runs against it too

$(SERVER_STAMP):
	@$(SERVER_VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(SERVER_VENV)
	@echo "Installing Label Studio $(SERVER_VERSION) into $(SERVER_VENV): 1 GB, about a minute, only this once"
	$(SERVER_VENV)/bin/python -m pip install --quiet label-studio==$(SERVER_VERSION)
	@touch $@

doctor: $(STAMP)  ## show versions, device, threads, data, writable folders
	$(SEGXAL) doctor $(ARGS)

install: $(STAMP)  ## only install segxal into .venv

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "$(PYTHON) not found. Install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), but segxal needs Python 3.10 or newer." >&2; \
		echo "Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		echo "Could not make $(VENV); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV): about 6 GB, one to five minutes, only once and when requirements.lock changes"
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## for maintainers: resolve requirements.lock again (needs uv; pip still installs)
	@{ echo "# Exact versions for Python 3.10 to 3.13 (environment markers choose); make installs from here with pip."; \
	   echo "# Made by \`make lock\` from pyproject.toml; do not edit by hand."; \
	   uv pip compile --universal --python-version 3.10 --extra test --extra docs --no-annotate --no-header --quiet pyproject.toml; \
	 } > requirements.lock.tmp && mv requirements.lock.tmp requirements.lock

clean:  ## remove caches, the built site and build leftovers; results and .venv stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache build *.egg-info
	find segxal tests notebooks -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +

clean-venv:  ## remove .venv, to make it again with another PYTHON
	rm -rf $(VENV)
