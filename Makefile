# Each target sets up .venv first; `make run` and `make test` work on a fresh clone.
.DEFAULT_GOAL := help
.PHONY: help setup lab run test test-tools build grade regrade marks feedback points desk formgrader bench pictures doctor debian lint format lock lock-tools clean

CAMP := .venv/bin/camp
COURSE ?= course
COHORT ?=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from requirements.lock (Python 3.11, 2 GB; 6 GB where torch comes with CUDA)
	@bash etc/setup.sh

run: setup ## the main job on the sample submissions: build, grade, feedback, points
	@$(CAMP) demo

lab: setup ## open JupyterLab on the list of lessons
	@$(CAMP) lab

bench: setup ## time the build, the main job, grading beside nbgrader and otter (ARGS=grade)
	@.venv/bin/python -m tests.benchmarks $(ARGS)

pictures: setup ## take the guides' pictures of the real pages again
	@.venv/bin/python -m tests.pictures

doctor: setup ## say what is wrong with this machine or environment, and the fix
	@$(CAMP) doctor

# Three workers for two cores: many tests wait, for a browser, a deadline, a killed process.
test: setup ## lint, all tests, and which lines they reach; what CI runs
	@mkdir -p build && $(MAKE) --no-print-directory --jobs=2 --output-sync=target debian lint
	@.venv/bin/python -m slipcover --source course_lib,grading --skip-covered --out build/coverage.txt \
		-m pytest -n 3 --dist worksteal $(ARGS)
	@awk '/^\(summary\)/ {print "coverage: " $$4 " % of " $$2 " lines, file by file in build/coverage.txt"}' build/coverage.txt

test-tools: setup ## tests with real tools in environments of their own (first time: 4 GB, minutes)
	@.venv/bin/python -m pytest -m tools $(ARGS)

build: setup ## lessons: notebooks/zh, notebooks/en and the nbgrader course (COHORT=2026a)
	@$(CAMP) build --course $(COURSE) $(if $(COHORT),--cohort $(COHORT))

grade: setup ## grade the course's submissions
	@$(CAMP) grade --course $(COURSE)

regrade: setup ## grade again after a test was mended (ARGS="01_intro --dry-run")
	@$(CAMP) regrade --course $(COURSE) $(ARGS)

marks: setup ## enter a TA's marks (ARGS=marks.csv), or list what waits (ARGS="--template marks.csv")
	@$(CAMP) marks --course $(COURSE) $(ARGS)

feedback: setup ## write the feedback pages
	@$(CAMP) feedback --course $(COURSE)

points: setup ## pay points into the ledger and show who earned the certificate
	@$(CAMP) points --course $(COURSE)

desk: setup ## open the TAs' desk: the queue, marks, how exercises do
	@$(CAMP) desk --course $(COURSE)

formgrader: setup ## open formgrader, where a TA marks notes by rubric
	@$(CAMP) formgrader --course $(COURSE)

debian:
	@bash etc/debian.sh chromium fonts-noto-cjk postgresql

lint: setup ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

format: setup ## let ruff mend what it can
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

# The pins are those of Linux without torch's CUDA packages, which pip adds where torch needs them.
lock: setup ## resolve pyproject.toml's ranges anew into requirements.lock (ARGS=--upgrade)
	@mkdir -p build && cp requirements.lock build/lock.txt
	@env -u UV_FIND_LINKS .venv/bin/uv pip compile pyproject.toml --extra dev --extra cluster --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --no-annotate --no-header --quiet -o build/lock.txt $(ARGS)
	@{ echo "# Made by 'make lock' from pyproject.toml (with extras dev, cluster) for Python 3.11."; \
		grep -vE '^(nvidia|cuda|triton)[-=]' build/lock.txt; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock

lock-tools: setup ## resolve the tools of course_lib/toolbox/catalogue.yml anew (ARGS="--upgrade xtuner")
	@.venv/bin/python -m course_lib.toolbox.lock $(ARGS)

clean: ## remove .venv, build and caches; keeps course/
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
