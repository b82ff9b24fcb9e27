"""How deep the tests dig: short every day, long in ``python3 run.py tests-long``.

What is long repeats more: hypothesis's examples, kills, writes. It proves nothing else.
"""

import os

from hypothesis import settings

DEPTH = os.environ.get("ORLY_POLICY_TEST_DEPTH", "short")
EXAMPLES = {"short": 30, "long": 500}
if DEPTH not in EXAMPLES:
    raise ValueError(f"ORLY_POLICY_TEST_DEPTH is {DEPTH!a}; it can be short or long")


def times(short: int, long: int) -> int:
    """How often to do something that is worth repeating."""
    return long if DEPTH == "long" else short


def load_profile() -> None:
    """Have hypothesis dig as deep. Short, its examples are the same each time: what fails today
    fails for what was changed today.
    """
    for depth, examples in EXAMPLES.items():
        settings.register_profile(
            depth,
            max_examples=examples,
            deadline=None,
            derandomize=depth == "short",
            print_blob=True,
        )
    settings.load_profile(DEPTH)
