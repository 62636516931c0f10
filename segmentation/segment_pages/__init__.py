"""The pages of segments: the list's columns, a segment's own page, the builder, overlaps, actions.

Start at `routes.py`.
"""
