"""What to offer a customer next, and what not: recommenders behind one protocol, and the reverse recommender.

`engine.Engine` is the whole: fit it on purchases, ask it for rankings with reasons and for what it suppresses.
"""
