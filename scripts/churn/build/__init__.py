"""Runs dbt: builds the warehouse, decides what to build again, and watches for changes.

`dbt.py` is the only module that calls dbt in this process.
"""
