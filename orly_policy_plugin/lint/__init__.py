"""What is legal in a policy and surely not meant: a file for each idea. Pure."""

from .checks import CHECKS, slips
from .slip import Check, Examined, Slip

__all__ = ["CHECKS", "Check", "Examined", "Slip", "slips"]
