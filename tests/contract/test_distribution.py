"""The contract is a distribution of its own: a plugin that needs it installs little."""

import re
from importlib.metadata import distribution


def needs_of(name: str) -> set[str]:
    """What a distribution needs without extras, by name."""
    needs = distribution(name).requires or []
    return {re.split(r"[^\w-]", need)[0] for need in needs if "extra ==" not in need}


def test_it_needs_nothing_but_pluggy_and_attrs() -> None:
    assert needs_of("orly-policy-hookspecs") == {"attrs", "pluggy"}


def test_the_engine_needs_it_and_does_not_bring_it() -> None:
    """Two distributions with the same files would overwrite each other."""
    assert "orly-policy-hookspecs" in needs_of("orly-policy-plugin")
    tops = {path.parts[0] for path in distribution("orly-policy-plugin").files or ()}
    assert "orly_policy_hookspecs" not in tops
