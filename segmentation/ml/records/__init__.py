"""Tables of any columns, one row a customer: turned into numbers without looking at the outcome, and looked over for leaks."""
