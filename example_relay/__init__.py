"""nostr-relay with the policy plugin registered, ready to run: ``python -m example_relay``."""
