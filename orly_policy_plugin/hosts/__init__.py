"""Adapters for relay frameworks, a folder each."""
