"""Files that other tools take: the list, its plans and drafts, as of the last build.

Everything written is a select from the marts; nothing is computed here.
"""
