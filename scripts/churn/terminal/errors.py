"""Errors that the user can act on: one message and an exit code, never a stack trace."""


class ChurnError(Exception):
    """Something failed (exit code 1). The message says what failed and what to do."""

    exit_code = 1


class InputError(ChurnError):
    """The user's input cannot be used (exit code 2): a file, a column, an option."""

    exit_code = 2
