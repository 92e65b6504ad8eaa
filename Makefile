# Every target does its own set-up, once: a stamp in .venv remembers that it was done.
# `make` lists the targets. Options for a command go into ARGS: make demo ARGS="--seed 3"

venv := .venv
bin := $(venv)/bin
ready := $(venv)/.ready
peers := .venv-peers
inputs := requirements.lock pyproject.toml $(addprefix scripts/, \
  find-python.sh system.sh libraries.txt environment.sh)

# Without a screen, tests that need one get a virtual one.
ifeq ($(DISPLAY)$(filter-out Linux,$(shell uname -s)),)
  ready_for_tests := $(venv)/.ready-for-tests
  on_a_screen := QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1920x1200x24"
else
  ready_for_tests := $(ready)
endif

# whole files to each process, in the order of tests/conftest.py: the longest first
in_parallel := -n auto --dist loadfile --no-loadscope-reorder --durations=25

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-fast test-slow coverage check docs bench-live bench-tracking bench-coverage bench-delay bench-links bench-faults bench-degraded bench-reconstruction bench-printed bench-calibration bench-real-calibration bench-planning bench-puncture bench-registration bench-record fuzz pictures accuracy-report format setup lock clean

help:  ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: $(ready)  ## a whole simulated puncture, results in out/demo
	@$(bin)/nav demo $(ARGS)

test: $(ready_for_tests)  ## run the tests
	@$(on_a_screen) $(bin)/python -m pytest $(in_parallel) $(ARGS)

test-slow: $(ready_for_tests)  ## run the tests that take minutes: kits, guides, boards that are not found
	@$(on_a_screen) $(bin)/python -m pytest $(in_parallel) -m slow $(ARGS)

test-fast: $(ready_for_tests)  ## the tests without those of whole images, scans, kits and windows (90 s)
	@$(on_a_screen) $(bin)/python -m pytest $(in_parallel) -m "not slow and not long" $(ARGS)

coverage: $(ready_for_tests)  ## run the tests and list the lines that none of them runs
	@$(on_a_screen) $(bin)/python -m pytest $(in_parallel) --cov --cov-report=term-missing:skip-covered $(ARGS)

check: $(ready)  ## formatting, lint, layers, types and the documentation with its links
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/python scripts/check_links.py
	@$(bin)/lint-imports --no-logo
	@$(bin)/mypy
	@$(MAKE) --silent --no-print-directory docs

docs: $(ready)  ## the documentation as a web site in out/docs; warnings are errors
	@$(bin)/python -m sphinx -q -W --keep-going -b html -d out/doctrees docs out/docs

bench-live: $(ready_for_tests)  ## does the window slow tracking, and how old are its numbers under load?
	@PYTHONPATH=. $(on_a_screen) $(bin)/python -m tests.bench.live_rate $(ARGS)
	@PYTHONPATH=. $(bin)/python -m tests.bench.live_age $(AGE_ARGS)
	@PYTHONPATH=. $(bin)/python -m tests.bench.first_look

bench-links: $(ready)  ## what the OpenIGTLink server costs: rate, delay, tracking (5 min; ARGS="--hours 8": memory)
	@PYTHONPATH=. $(bin)/python -m tests.bench.links $(ARGS)

bench-tracking: $(ready) $(peers)/.ready  ## our tracker against others (an hour; ARGS=--quick)
	@PYTHONPATH=. $(bin)/python -m tests.bench.tracking $(ARGS)

bench-delay: $(ready)  ## delays and readouts of cameras from a swung needle (20 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.delay $(ARGS)

bench-coverage: $(ready)  ## are predicted errors true? 1000 frames, clean and hard (10 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.coverage $(ARGS)

bench-faults: $(ready)  ## wrong rigs, tool files, late cameras: is every bad frame said? (15 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.faults $(ARGS)

bench-degraded: $(ready) $(peers)/.ready  ## sharpened, compressed, enlarged pictures (30 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.degraded $(ARGS)

bench-reconstruction: $(ready)  ## surfaces from simulated scans against their truth (30 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.reconstruction $(ARGS)

bench-printed: $(ready)  ## printed phantoms from simulated scans against their truth (20 min a scan)
	@PYTHONPATH=. $(bin)/python -m tests.bench.printed $(ARGS)

bench-calibration: $(ready)  ## calibrated cameras against the truth and OpenCV (15 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.calibration $(ARGS)

bench-real-calibration: $(ready)  ## published real pictures: calibration and a map of tags beside OpenCV's (15 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.real_calibration $(ARGS)

bench-planning: $(ready)  ## plans against brute force, plain Monte Carlo and a dense search (5 min)
	@PYTHONPATH=. $(bin)/python -m tests.bench.planning $(ARGS)

bench-puncture: $(ready)  ## does the bound hold? 200 punctures from CT to target (2 h; resumable)
	@PYTHONPATH=. $(bin)/python -m tests.bench.puncture $(ARGS)

bench-registration: $(ready)  ## are registrations as good as they say? (ARGS="PART --quick")
	@PYTHONPATH=. $(bin)/python -m tests.bench.registration $(ARGS)

bench-record: $(ready)  ## kill -9 of recordings; rates, load and what recording costs tracking (20 min; ARGS=--quick)
	@PYTHONPATH=. $(bin)/python -m tests.bench.record $(ARGS)

fuzz: $(ready)  ## damaged files through every reader, 100,000 (ARGS="--tries N --seed S")
	@PYTHONPATH=. $(bin)/python -m tests.fuzz $(ARGS)

pictures: $(ready)  ## draw the documentation's pictures anew (5 min)
	@PYTHONPATH=. $(bin)/python scripts/make_pictures.py

accuracy-report: $(ready)  ## an accuracy report of a simulated day in out/accuracy (ARGS=--images renders and tracks)
	@PYTHONPATH=. $(bin)/python scripts/make_accuracy_report.py $(ARGS)

format: $(ready)  ## format the code and make lint's safe repairs
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

setup: $(ready)  ## only the set-up

lock:  ## write requirements.lock anew from pyproject.toml (needs uv; newer releases: ARGS=--upgrade)
	uv --no-config pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-header --no-annotate \
	  --overrides scripts/overrides.txt \
	  --no-emit-index-url --no-emit-find-links $(ARGS) --quiet --output-file requirements.lock

clean:  ## remove the environment and everything made
	rm -rf $(venv) $(peers) build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find nav calibration phantoms tests -name __pycache__ -prune -exec rm -rf {} +

# The stamps are written last, so a set-up that was cut short goes on at the next call.
$(ready): $(inputs)
	@PYTHON="$(PYTHON)" scripts/system.sh
	@PYTHON="$(PYTHON)" scripts/environment.sh $(venv)
	@touch $@

$(venv)/.ready-for-tests: $(inputs)
	@PYTHON="$(PYTHON)" scripts/system.sh --tests
	@$(MAKE) --silent --no-print-directory $(ready)
	@touch $@

$(peers)/.ready: scripts/peers.sh scripts/find-python.sh
	@PYTHON="$(PYTHON)" scripts/peers.sh $(peers)
	@touch $@
