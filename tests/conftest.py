"""What concerns all tests."""

import gc
import os
import sys
from pathlib import Path

import depth

depth.load_profile()

# For example_relay, which is in no wheel. Last, so that it is the wheel that is tested.
sys.path.append(str(Path(__file__).parents[1]))

# The tests start hundreds of processes; each would compile what it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through thousands of tests again and again."""
    gc.collect()
    gc.freeze()
