"""Recommendations kept in the database: learned and computed once a day, read by pages, messages and the API.

Start at `refreshing.refresh_if_due`; `stored` reads what is kept.
"""
