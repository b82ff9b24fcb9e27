"""Words of a message to a client that come from the event or the policy, made harmless."""

import re

_KEY = re.compile(
    r"[0-9a-f]{64}|n(?:pub|sec|profile|event|addr)1[02-9ac-hj-np-z]{20,}", re.ASCII | re.IGNORECASE
)
_LONGEST = 80


def quoted(text: str) -> str:
    """The text in double quotes, shortened, with every public key in it left out.

    A message never shows another person's key (section 4 of the spec), and a tag's value or a
    regular expression may hold one.
    """
    shown = _KEY.sub("(a key)", text)
    return f'"{shown}"' if len(shown) <= _LONGEST else f'"{shown[:_LONGEST]}…"'
