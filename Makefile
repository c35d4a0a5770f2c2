# Needs Python 3.11 or newer and make. Everything else goes into .venv, pinned by constraints.txt.

LESSON := notebooks/01-a-cluster-in-one-cell.ipynb
PY := .venv/bin/python

# A user's own Python and pip settings must not reach into .venv.
unexport PYTHONHOME PYTHONPATH PIP_PREFIX PIP_TARGET PIP_USER

# Jupyter and pip keep files under HOME. Where it is not a folder we may write to, they get one here.
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo usable),usable)
export HOME := $(CURDIR)/.home
endif

.PHONY: help
help:
	@echo "make lab          open JupyterLab on the first lesson (ARGS=... are handed to jupyter lab)"
	@echo "make test         format, lint, types, then every test there is (ARGS=... are handed to pytest)"
	@echo "make check        format, lint and types alone"
	@echo "make explore      drawn runs under every check, about two minutes on two cores (SEEDS=... FIRST=...)"
	@echo "make live         every live test on processes, and on nodes of others; some six minutes"
	@echo "make soak         real processes under load and faults, for a minute (MINUTES=...)"
	@echo "make determinism  the same seeds in two processes must give the same traces (SEEDS=...)"
	@echo "make constraints  renew constraints.txt from the newest releases"
	@echo "make clean        remove .venv and everything else that was made here"

# ---- the environment ----

# It holds absolute paths, so a tree that was copied or moved makes its own.
ifneq ($(shell cat .venv/place 2>/dev/null),$(CURDIR))
.PHONY: .venv/ready
endif

.venv/ready: pyproject.toml constraints.txt
	@python=$$(sh tools/find_python.sh $(PYTHON)) || exit 1; \
	echo "Making .venv with $$python (about 700 MB; a minute or two) ..."; \
	"$$python" -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[notebook,dev]'
	@printf '%s\n' "$(CURDIR)" > .venv/place
	@touch $@

# ---- the laboratory ----

# Root may run Jupyter only by saying so. Without a display there is no browser to open, and
# JupyterLab prints its address with the token instead.
LAB_FLAGS := $(if $(filter 0,$(shell id -u)),--allow-root)
ifneq ($(shell uname -s),Darwin)
LAB_FLAGS += $(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser)
endif

# jupyter/ is read beside the user's own Jupyter settings, and changes none of them. The kernel must
# be this environment's, also where the user has registered another one under the same name.
.PHONY: lab
lab: .venv/ready
	@JUPYTER_CONFIG_PATH="$(CURDIR)/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
	JUPYTER_PREFER_ENV_PATH=1 \
	exec $(PY) -m jupyterlab $(LAB_FLAGS) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/$(LESSON) $(ARGS)

# ---- checks and tests ----

.PHONY: check
check: .venv/ready
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

# Files take turns on all cores, in their order: what is slow to start is shared within a file, and the
# browser comes last in each process (tests/conftest.py says why).
PYTEST := $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Without a browser the rest still runs; the last line says so, and it is a failure where CI is set.
.PHONY: test
test: check
	$(PY) tools/front_end_tests.py
	@if $(PY) tools/setup_browser.py; then $(PYTEST) $(ARGS); else \
		$(PYTEST) -m "not browser" $(ARGS); status=$$?; \
		echo "THE BROWSER TESTS DID NOT RUN: no Chromium here, and none could be installed."; \
		test -z "$$CI" && exit $$status; exit 1; \
	fi

# The number of seeds is fixed, and not the time: the same commit always does the same. What breaks
# is made short and written to broken/.
.PHONY: explore
.PHONY: soak
soak: MINUTES ?= 1
soak: .venv/ready
	$(PY) tools/soak_service.py --minutes $(MINUTES) $(ARGS)

explore: SEEDS ?= 1600
explore: FIRST ?= 1
explore: .venv/ready
	.venv/bin/raftlock explore --seeds $(SEEDS) --first $(FIRST) --out broken $(ARGS)

.PHONY: live
live: .venv/ready
	RAFTLOCK_RUNTIMES=all $(PY) -m pytest -n auto tests/live $(ARGS)

.PHONY: determinism
determinism: SEEDS ?= 200
determinism: .venv/ready
	$(PY) tools/determinism.py --seeds $(SEEDS) $(ARGS)

# ---- upkeep ----

.PHONY: constraints
constraints:
	@python=$$(sh tools/find_python.sh $(or $(PYTHON),python3.11)) && \
	"$$python" tools/make_constraints.py

.PHONY: clean
clean:
	rm -rf .venv .home .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage broken build dist
	find raftlock widgets tests tools jupyter -name __pycache__ -type d -prune -exec rm -rf {} +
