"""Policies to start from: a file for each. Pure."""

from .recipe import Keys, Recipe
from .table import POLICY_FILE, RECIPES, SUITE_FILE, files_of

__all__ = ["POLICY_FILE", "RECIPES", "SUITE_FILE", "Keys", "Recipe", "files_of"]
