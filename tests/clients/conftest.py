"""Other people's clients talk to the relays that the tests of :mod:`relay` share."""

from relay.conftest import relay

__all__ = ["relay"]
