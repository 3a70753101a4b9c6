# Everything from a fresh machine with Python >= 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
DAYS ?= 365
# Tests run in so many processes, each with a database of its own.
PROCESSES ?= 2
BIN := .venv/bin
SPREAD := -n $(PROCESSES) --dist loadgroup

.PHONY: setup demo serve-demo test quick check-code bench scale clean

setup:
	@$(PYTHON) deploy/bootstrap.py

demo: setup
	@$(BIN)/coalition demo --days $(DAYS)

serve-demo: setup
	@$(BIN)/coalition demo --days $(DAYS) --serve

test:
	@$(PYTHON) deploy/bootstrap.py --browser
	@$(MAKE) --no-print-directory check-code
	@$(BIN)/python -m pytest $(SPREAD)

quick: setup
	@$(BIN)/python -m pytest $(SPREAD) tests/pure tests/properties

check-code:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/coalition bench

# Measures what docs/scale.md is made of and writes its tables and drawings; some twenty minutes on two cores.
scale: setup
	@$(BIN)/coalition scale measure --output coalition/bench/scale/measured.json
	@$(BIN)/coalition scale document

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
