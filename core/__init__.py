"""Nothing domain-specific: a clock, ids, state machines and a registry.

Imports nothing of ours. A fifth file needs an ADR.
"""
