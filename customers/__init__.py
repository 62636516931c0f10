"""Shop data in: owns customers, products, orders, refunds, reviews and the ledger of events.

May import only core. Start reading in sources/base.py (what comes in), then ingest.py (how).
"""
