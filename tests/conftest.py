"""What concerns all tests."""

import gc
import os
import signal
import sys
from pathlib import Path

import depth
import pytest

depth.load_profile()

# For example_relay, which is in no wheel. Last, so that it is the wheel that is tested.
sys.path.append(str(Path(__file__).parents[1]))

# A run in the background may have been told to ignore these; what is started would inherit that.
for number, usual in {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# The tests start hundreds of processes; each would compile what it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not for today, unless files or tests are asked for by their names."""
    if any(".py" in asked for asked in config.args):
        return
    if left_out := depth.left_out(items):
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through thousands of tests again and again."""
    gc.collect()
    gc.freeze()
