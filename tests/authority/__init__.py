"""Tests of ``orly_policy_plugin.authority``."""
