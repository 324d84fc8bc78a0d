"""Builds, serves, prints and photographs the reports, an Evidence site of the marts.

The pages are in the top-level folder `reports`; this package only runs the tools.
"""
