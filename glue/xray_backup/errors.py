"""Errors that a person can act on: one line each, and an exit code of their own."""

from __future__ import annotations

import re

# The value of a secret, given where its name belongs; it may have been cut.
_SECRET = re.compile(r"\{[^{}]*pass(?:word|wd)?\b[^{}]*(?:\}|$)", re.I)


class BackupError(Exception):
    """Something was refused or failed; the message is one line that says what was got and what to do.

    A message shows what was got, but never a secret.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(_SECRET.sub("{…}", message))


class UsageError(BackupError):
    """An argument or a configuration is wrong; nothing was tried."""

    exit_code = 2


class VerificationError(BackupError):
    """The store does not hold what was written, or what the manifest says."""

    exit_code = 3


class ExpiredError(VerificationError):
    """The files of a backup are gone because the bucket's own lifecycle rule let them expire."""


class NewerFormatError(UsageError):
    """A newer version of the package wrote it."""


class LockedError(BackupError):
    """Another run is at work."""

    exit_code = 4


class KeyAccessError(BackupError):
    """The store's KMS key may not be used, or cannot be."""


class UnavailableError(BackupError):
    """The server does not answer, or closed the connection; it may be back in a moment."""
