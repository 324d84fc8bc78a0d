"""The `churn` command line: arguments and help texts only, one file for each group of commands.

Help may be reworded here; what a command does belongs into the folder it imports when it runs.
A command imports that folder inside its function, because loading them all takes longer than most
commands run.
"""

from churn.cli.command import app, main

__all__ = ["app", "main"]
