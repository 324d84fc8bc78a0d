"""The Python part of the churn early-warning system, for everything that SQL cannot do.

Each package imports only from itself and from packages in lower layers;
`tests/python/test_layers.py` defines the order.
"""
