"""The `churn` command line: arguments and help texts, one file for each group of commands.

Edit help texts here, and behaviour in the package that the command calls. A command imports that
package inside its function, because importing all packages takes longer than most commands run.
"""

from churn.cli.command import app, main

__all__ = ["app", "main"]
