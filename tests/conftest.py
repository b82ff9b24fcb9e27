"""What concerns all tests."""

import gc
import os
import sys

import depth

depth.load_profile()

# The tests start hundreds of processes; each would compile what it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through thousands of tests again and again."""
    gc.collect()
    gc.freeze()
