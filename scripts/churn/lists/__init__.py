"""The lists that people read in the terminal: customers at risk, and the week's calls.

Columns and wording may change here; the figures and their order come from the marts.
"""
