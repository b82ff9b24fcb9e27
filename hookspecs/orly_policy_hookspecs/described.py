"""Plugins as operators see them."""

import attrs


@attrs.frozen(kw_only=True)
class Described:
    """One registered plugin."""

    name: str
    distribution: str = ""
    """What was installed that has it, with its version: ``members 1.2``; empty where the host has
    registered it itself.
    """
    hooks: tuple[str, ...]
    """The hooks that it implements."""
    criteria: tuple[str, ...] = ()
    """The fields that it adds to rules."""
    may_vouch: tuple[str, ...] = ()
    """The accesses for which its vouch counts."""
    is_on: bool = True
    """Whether it is asked."""

    def __str__(self) -> str:
        """A line."""
        said = [f"plugin {self.name}"]
        if self.distribution:
            said.append(f"({self.distribution})")
        if not self.is_on:
            said.append("is switched off;")
        said.append(f"has {', '.join(self.hooks)}")
        if self.criteria:
            said.append(f"with the criteria {', '.join(self.criteria)}")
        if self.may_vouch:
            said.append(f"and may vouch for a {' and a '.join(self.may_vouch)}")
        return " ".join(said)
