"""The two ways in which a command ends early."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave is bad: option, key, value, file or place; exit code 2.

    The message names the key, the value, what is allowed and what to do.
    """


class RunError(RuntimeError):
    """A run failed while running; exit code 1. The message names the cause."""
