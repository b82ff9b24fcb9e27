"""Fields that have a successor."""

from collections.abc import Iterator

from ..policy import rules_of
from ..policy.fields import fields_of
from .slip import Check, Examined, Slip

_UNITS = ((86_400, "P{}D"), (3_600, "PT{}H"), (60, "PT{}M"), (1, "PT{}S"))


def _deprecated_fields(examined: Examined) -> Iterator[Slip]:
    for place, rule in rules_of(examined.policy):
        for name, field in fields_of(type(rule)).items():
            successor = field.loses_to
            if not successor or not (value := getattr(rule, name)):
                continue
            if getattr(rule, successor) is not None:
                why, instead = f"it is not looked at beside {successor}", "remove it"
            else:
                why = f"it is deprecated: {successor} says the same"
                instead = f'write "{successor}": "{in_iso_8601(value)}" in its place'
            yield Slip(f"{place}.{name}", why, instead)


def in_iso_8601(seconds: int) -> str:
    """A duration in the largest unit of which it is a whole number: ``P7D``, ``PT90M``."""
    size, pattern = next(each for each in _UNITS if seconds % each[0] == 0)
    return pattern.format(seconds // size)


CHECKS = (Check("deprecated", _deprecated_fields),)
