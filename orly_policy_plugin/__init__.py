"""The policy system of the ORLY relay for any Nostr relay in Python."""
