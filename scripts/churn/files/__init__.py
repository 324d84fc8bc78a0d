"""Safe writes to disk: locks, atomic swaps, markers of our own files, durable Parquet stores.

These modules protect the user's files: change them only together with their tests.
"""
