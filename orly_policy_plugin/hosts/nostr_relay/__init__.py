"""nostr-relay behind the gate. Needs the extra ``orly-policy-plugin[nostr-relay]``."""

from .app import PolicyApp, create_app, create_app_or_exit

__all__ = ["PolicyApp", "create_app", "create_app_or_exit"]
