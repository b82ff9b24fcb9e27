"""How fast the policy layer is: ``python -m benchmarks`` measures and prints it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What is measured is the installed package: the project's folder comes last on the path, here and
# in the processes that are started, so that the code beside this folder does not hide the wheel.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT] + [str(ROOT)]
