"""Runs dbt: builds the warehouse, or the part of it that changed, and watches for new data.

Change here how a build runs; what it computes is in `models` and `macros`.
"""
