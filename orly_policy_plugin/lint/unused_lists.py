"""Named lists that no rule names."""

from collections.abc import Iterator

from ..policy import lists_named
from ..policy.named_lists import SIGN
from .slip import Check, Examined, Slip


def _unused_lists(examined: Examined) -> Iterator[Slip]:
    used = {name for _, name in lists_named(examined.policy)}
    for name in examined.policy.lists:
        if name not in used:
            yield Slip(
                f"lists.{name}",
                "no rule names this list, so it lets nobody in and keeps nobody out",
                f'write "{SIGN}{name}" into a list of keys of a rule, or remove it',
            )


CHECKS = (Check("unused-list", _unused_lists),)
