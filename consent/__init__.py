"""May we? Owns the consent ledger, the suppression list, the gate that every message passes twice, and requests about data.

May import customers, gateway and core. Start reading in gate.py, then ledger.py; for requests in personal_data.py.
"""
