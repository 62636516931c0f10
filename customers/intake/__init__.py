"""The doors that a shop's clients knock at: receive, store, answer; read what was stored afterwards.

Start at `landing` (a request becomes a durable row) and `reading` (rows become shop data).
"""
