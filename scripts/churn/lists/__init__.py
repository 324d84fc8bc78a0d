"""The terminal lists: customers at risk, and the calls of the week.

This package chooses columns and wording; the figures and their order come from the marts.
"""
