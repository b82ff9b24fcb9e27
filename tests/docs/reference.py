"""docs/fields.md as data: a section a field, its facts, its policy and what that answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from orly_policy_plugin.policy import GlobalRule, KindLists, Policy, Rule
from orly_policy_plugin.policy.fields import BOTH, READ, WRITE, Field, fields_of, keys_of

PAGE = (Path(__file__).parents[2] / "docs" / "fields.md").read_text()
NOW = 1_750_000_000
"""Unix seconds at which the page's tables ask."""
PEOPLE = {"Alice": "a1" * 32, "Bob": "b0" * 32, "Carol": "ca" * 32}
FOLLOWS = {PEOPLE["Alice"]: [PEOPLE["Carol"]]}
NOBODY = "nobody"

_SECTION = re.compile(r"^### `([\w.]+)`\n\n(.*?)(?=^###? |\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (write|read) \| `(.+)` \| (\w+) \| (.+) \|$", re.MULTILINE)


@attrs.frozen
class Section:
    """What the page says of a field."""

    name: str
    text: str

    @property
    def key(self) -> str:
        """In the example."""
        return self.name.replace("x_name", "x_pow").rpartition(".")[2]

    @property
    def facts(self) -> str:
        """The line that says what is declared of the field."""
        return self.text.split("\n", 1)[0]

    @property
    def policy(self) -> Any:
        """The example."""
        (block,) = re.findall(r"```json\n(.*?)```", self.text, re.DOTALL)
        return json.loads(block)

    @property
    def suite(self) -> Any:
        """The table, as ``orly-policy test`` takes it."""
        cases = [_case(*row) for row in _ROW.findall(self.text)]
        return {"name": self.name, "now": NOW, "follows": FOLLOWS, "cases": cases}


def sections() -> dict[str, Section]:
    """The page's, in its order."""
    return {name: Section(name, text) for name, text in _SECTION.findall(PAGE)}


def _case(access: str, event: str, who: str, answer: str) -> Any:
    for name, key in PEOPLE.items():
        event = event.replace(f"<{name}>", key)
    case = {"access": access, "event": json.loads(event), "allowed": answer == "accepted"}
    if who != NOBODY:
        case["authed"] = PEOPLE[who]
    if answer != "accepted":
        case["message"] = re.sub(r"^`|`$", "", answer)
    return case


def declared() -> Iterator[tuple[str, Field, Any]]:
    """All fields by the names of their sections, each with its declaration and its default."""
    own = fields_of(GlobalRule).keys() - fields_of(Rule).keys()
    for model, names, prefix in (
        (KindLists, list(fields_of(KindLists)), "kind."),
        (Policy, [name for name in fields_of(Policy) if name != "kind"], ""),
        (Rule, list(fields_of(Rule)), ""),
        (GlobalRule, [name for name in fields_of(GlobalRule) if name in own], ""),
    ):
        for name in names:
            default = getattr(attrs.fields(model), name).default
            yield prefix + keys_of(model)[name], fields_of(model)[name], default


_ASKED = {
    (): "",
    WRITE: "asked on writes",
    READ: "asked on reads",
    BOTH: "asked on writes and reads",
}


def facts(field: Field, default: Any) -> str:
    """The line that a section begins with."""
    unit = field.unit if "`" in field.unit else f"`{field.unit}`"
    told = [
        unit,
        _ASKED[field.asked_on],
        _default(default),
        "empty is not the same as not written" if field.counts_when_empty else "",
        f"`{field.loses_to}` wins over it" if field.loses_to else "",
        _admins(field),
    ]
    return "> " + " · ".join(filter(None, told))


def _default(default: Any) -> str:
    if isinstance(default, (bool, int)) or (isinstance(default, str) and default):
        return f"default `{json.dumps(default)}`"
    return ""


def _admins(field: Field) -> str:
    if field.owners_only:
        return "for owners only"
    return f"admins may {field.right.how.format(unit=field.unit)}" if field.right else ""
