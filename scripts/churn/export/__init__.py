"""Writes the list, its plans and drafts to files that other tools take.

Formats may change here; everything written is selected from the marts.
"""
