"""May we? Owns the consent ledger, the suppression list and the gate that every message passes twice.

May import customers and core. Start reading in gate.py, then ledger.py.
"""
