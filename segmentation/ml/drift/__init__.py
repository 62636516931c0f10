"""Has what comes in changed? Tests scaled to sample size and to how much the shop's weeks differ anyhow.

Start at `compare`; `shop` knows which quantities of a shop are watched, `rates` tests how many orders come.
"""
