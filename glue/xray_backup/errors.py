"""Errors that a person can act on: one line each, and an exit code of their own."""

from __future__ import annotations


class BackupError(Exception):
    """Something was refused or failed; the message is one line that says what was got and what to do."""

    exit_code = 1


class UsageError(BackupError):
    """An argument or a configuration is wrong; nothing was tried."""

    exit_code = 2


class VerificationError(BackupError):
    """The store does not hold what was written, or what the manifest says."""

    exit_code = 3


class LockedError(BackupError):
    """Another run is at work."""

    exit_code = 4


class KeyAccessError(BackupError):
    """The store's KMS key may not be used, or cannot be."""


class UnavailableError(BackupError):
    """The server does not answer, or closed the connection; it may be back in a moment."""
