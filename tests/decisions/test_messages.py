"""Words of an event or a policy in a message."""

import pytest
from examples import ALICE
from strategies import NPUB

from orly_policy_plugin.decisions.messages import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("a word", '"a word"'),
        (ALICE, '"(a key)"'),
        (f"x{ALICE.upper()}, {NPUB} and {NPUB.upper()}.", '"x(a key), (a key) and (a key)."'),
        (ALICE[:63], f'"{ALICE[:63]}"'),
        ("é" * 80, f'"{"é" * 80}"'),
        ("é" * 81, f'"{"é" * 80}…"'),
        (f"{'x' * 73}{ALICE}", f'"{"x" * 73}(a key)"'),
        (f"{'x' * 74}{ALICE}", f'"{"x" * 74}(a key…"'),
    ],
)
def test_it_is_quoted_short_and_without_keys(text: str, expected: str) -> None:
    """A key at the end is left out before the text is shortened."""
    assert quoted(text) == expected
