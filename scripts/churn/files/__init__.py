"""Safe writes to disk: atomic swaps, markers, locks, and the durable Parquet store.

Commands replace or delete user files only through this folder, so change it with care.
"""
