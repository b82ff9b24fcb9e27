"""nostr-relay behind the gate. Needs the extra ``orly-policy-plugin[nostr-relay]``."""

from .app import PolicyApp, create_app

__all__ = ["PolicyApp", "create_app"]
