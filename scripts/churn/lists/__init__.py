"""The lists that people read in the terminal: customers at risk and the week's calls.

Wording and columns may change; the figures and their order come from the marts.
"""
