"""The backtest in the terminal: how past warnings turned out, also on generated data.

Wording may change; the figures come from the marts.
"""
