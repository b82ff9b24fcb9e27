"""What concerns all tests."""

import os
import sys

import depth

depth.load_profile()

# The tests start hundreds of processes; each would compile what it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
