"""What a treatment changes, customer by customer, learned from an experiment in any file."""
