"""The Python side of the churn early-warning system: what SQL cannot do.

Each folder imports only from itself and from folders below it; `tests/python/test_layers.py` holds
the order.
"""
