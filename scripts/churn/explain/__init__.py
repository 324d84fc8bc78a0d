"""Explains a customer's score: every rule, its figures, and the rows behind them.

Wording may change here; the figures come from the marts.
"""

from churn.explain.command import explain

__all__ = ["explain"]
