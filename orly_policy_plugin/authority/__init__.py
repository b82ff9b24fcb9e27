"""Who signed what."""

from .verifying import has_right_id, is_signed, verify

__all__ = ["has_right_id", "is_signed", "verify"]
