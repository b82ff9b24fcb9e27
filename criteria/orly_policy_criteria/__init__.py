"""Criteria for the rules of a policy: a plugin each, in a file of its own.

They import the contract alone, and run under every relay that has a gate and the policy engine.
"""
