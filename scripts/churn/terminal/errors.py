"""Errors that a person can act on: one message and an exit code, never a stack trace."""


class ChurnError(Exception):
    """Something failed (exit code 1). The message says what, and what to do about it."""

    exit_code = 1


class InputError(ChurnError):
    """What was given cannot be used (exit code 2): a file, a column, an option."""

    exit_code = 2
