"""Who has written how much, for ``rate_limit`` (section 6 of the spec)."""

from .limiter import MOST_KEYS, RateLimiter

__all__ = ["MOST_KEYS", "RateLimiter"]
