"""Errors named by their remedy.

A message says what went wrong, where, and what to do next. It never holds a secret, an address
or a value taken from someone's data.
"""

from __future__ import annotations


class ParleyError(Exception):
    """Base of all errors that Parley raises on purpose; its text is "what (where). remedy"."""

    def __init__(self, what: str, where: str, remedy: str) -> None:
        """Keep the three parts apart so that a UI can lay them out as it likes."""
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.where}). {self.remedy}"


class FixConfig(ParleyError):
    """A setting, a credential or a schema has to change; repeating the run won't help."""


class RetryLater(ParleyError):
    """The other side is busy or away; the same call may work later.

    `after_seconds`: how long the other side asked to be left alone, 0 if it did not say.
    """

    def __init__(self, what: str, where: str, remedy: str, *, after_seconds: float = 0.0) -> None:
        """Keep the wait that was asked for."""
        super().__init__(what, where, remedy)
        self.after_seconds = after_seconds


class SkipRecord(ParleyError):
    """One record can't be used; the others can."""


class StopRun(ParleyError):
    """Going on would do harm: a gate failed or a guard tripped, and a person has to look."""
