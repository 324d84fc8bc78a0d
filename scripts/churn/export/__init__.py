"""Writes the list, its plans and drafts to files for other tools.

This package only formats; all content comes from the marts.
"""
