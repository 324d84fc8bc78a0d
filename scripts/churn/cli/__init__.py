"""The `churn` command line: arguments and help texts, one file for each group of commands.

Reword help here; change what a command does in the folder that it calls. A command imports that
folder inside its function, because loading all folders takes longer than most commands run.
"""

from churn.cli.command import app, main

__all__ = ["app", "main"]
