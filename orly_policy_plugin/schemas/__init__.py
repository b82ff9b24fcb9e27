"""JSON Schemas of what operators write, made from the declarations of the fields. Pure."""

from .documents import contribution_schema, policy_schema
from .parts import DIALECT, Schema, or_null

__all__ = ["DIALECT", "Schema", "contribution_schema", "or_null", "policy_schema"]
