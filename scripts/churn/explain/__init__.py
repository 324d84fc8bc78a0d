"""Why a customer has its score: every rule, its figures, and the rows behind them."""

from churn.explain.command import explain

__all__ = ["explain"]
