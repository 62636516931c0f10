"""Proof of how it went: chain, access log, register, agreement, retention, breaches, the opt-out probe."""
