"""``python -m orly_policy_plugin.cli``."""

from .command import main

main()
