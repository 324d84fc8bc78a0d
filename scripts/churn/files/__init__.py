"""Safe writes to disk: locks, atomic swaps, markers of what we wrote, durable Parquet stores.

The safety of people's files depends on this folder: change it only together with its tests.
"""
