"""Say it: owns campaigns, the randomised assignment, and every message up to its final state.

May import segmentation, consent, customers and core. Start reading in audience.py, then dispatch.py.
"""
