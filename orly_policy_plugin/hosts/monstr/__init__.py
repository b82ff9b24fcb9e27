"""monstr behind the gate. Needs the extra ``orly-policy-plugin[monstr]``."""

from .relay import PolicyRelay

__all__ = ["PolicyRelay"]
