"""What `churn backtest` prints: how past warnings turned out, for your data or generated data.

Wording may change here; the figures come from the marts.
"""
