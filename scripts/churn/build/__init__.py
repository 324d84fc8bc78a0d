"""Runs dbt: builds the whole warehouse or the changed part, and watches for new data.

This package controls how a build runs; `models` and `macros` define what it computes.
"""
