# Everything runs in .venv, made on first use; ROS 2 itself comes as wheels (extra [ros]).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The ament index of the ROS wheels is the environment itself.
export AMENT_PREFIX_PATH := $(abspath $(VENV))
# torch's threads would spin while they wait for each other, which on a busy machine costs seconds.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test lint clean

demo: $(VENV)/.installed
	$(BIN)/python -m robustseg_ros.demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e '.[ros,test]'
	touch $@

clean:
	rm -rf $(VENV) build install log *.egg-info demo
