"""What a customer's first order says about the segment they will belong to, and about what they will spend.

`orders` tells the first order from what came later, `behaviour` makes segments of whole behaviours, `model`
learns from the first to the second. Inputs are of the first order alone; labels are of what followed.
"""
