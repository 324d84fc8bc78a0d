"""Implements `churn backtest`: how past warnings turned out, on your data or generated data.

This package only words the results; the figures come from the marts.
"""
