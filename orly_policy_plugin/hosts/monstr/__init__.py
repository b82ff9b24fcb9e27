"""monstr behind the gate. Needs the extra ``orly-policy-plugin[monstr]``."""

from .app import PolicyRelay

__all__ = ["PolicyRelay"]
