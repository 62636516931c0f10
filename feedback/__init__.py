"""Did it help? Owns outcomes, lift against the holdout, and the decision to retrain.

May import campaigns, segmentation, consent, customers and core. Start reading in outcomes.py, then retraining.py.
"""
