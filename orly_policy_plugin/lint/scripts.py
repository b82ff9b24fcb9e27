"""Scripts whose failure lets everybody read."""

from collections.abc import Iterator

from ..policy import scripts_of
from .slip import Check, Examined, Slip


def _guards_that_fail_open(examined: Examined) -> Iterator[Slip]:
    if examined.script_failure_read == "deny" or examined.policy.default_policy == "deny":
        return
    for place, _ in scripts_of(examined.policy):
        yield Slip(
            place,
            "it guards reads, and everybody reads while it fails: script_failure_read is "
            "'default', and default_policy allows",
            "leave script_failure_read at 'deny'",
        )


CHECKS = (Check("script-fails-open", _guards_that_fail_open),)
