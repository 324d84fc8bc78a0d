"""Explains a customer's score: every rule, its figures, and the rows behind them.

This package only words the explanation; the figures come from the marts.
"""

from churn.explain.command import explain

__all__ = ["explain"]
