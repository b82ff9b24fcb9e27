"""The relay: /etc/relay/relay_app.py, for uvicorn and gunicorn."""

import os
from pathlib import Path

from orly_policy_plugin.hosts.nostr_relay import PolicyApp, create_app_or_exit

CONFIGURATION = Path(os.environ.get("RELAY_CONFIGURATION", "/etc/relay"))
STATE = Path(os.environ.get("RELAY_STATE", "/var/lib/relay/policy"))


def create() -> PolicyApp:
    """The app. A policy that cannot be used ends the start with what is wrong with it."""
    return create_app_or_exit(
        CONFIGURATION / "nostr-relay.yaml",
        CONFIGURATION / "policy.json",
        state_folder=STATE,
    )
