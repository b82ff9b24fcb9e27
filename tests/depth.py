"""How deep the tests dig: short every day, long in ``python3 run.py tests-long``.

What is long repeats more: hypothesis's examples, kills, writes, and what is said of one relay is
said of others. What is quick repeats less, for mutants, each of which is given all its tests.
"""

import os

from hypothesis import HealthCheck, Phase, settings

DEPTH = os.environ.get("ORLY_POLICY_TEST_DEPTH", "short")
PHASES = {"quick": (Phase.explicit, Phase.generate)}
"""That a mutant is killed is enough: nobody reads the smallest example of it."""
EXAMPLES = {"quick": 8, "short": 20, "long": 500}
if DEPTH not in EXAMPLES:
    raise ValueError(f"ORLY_POLICY_TEST_DEPTH is {DEPTH!a}; it can be {' or '.join(EXAMPLES)}")
IS_LONG = DEPTH == "long"


def times(short: int, long: int) -> int:
    """How often to do something that is worth repeating."""
    return {"quick": max(1, short // 4), "short": short, "long": long}[DEPTH]


def load_profile() -> None:
    """Have hypothesis dig as deep. Unless long, its examples are the same each time: what fails
    today fails for what was changed today. How long it takes is the machine's.
    """
    for depth, examples in EXAMPLES.items():
        settings.register_profile(
            depth,
            max_examples=examples,
            deadline=None,
            phases=PHASES.get(depth, tuple(Phase)),
            suppress_health_check=[HealthCheck.too_slow],
            derandomize=depth != "long",
            print_blob=True,
        )
    settings.load_profile(DEPTH)
