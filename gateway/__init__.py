"""Who may come in, how often, and only once. Owns API keys, throttles, idempotent replies and error bodies.

May import core. Start reading in views.py, then keys.py and idempotency.py.
"""
