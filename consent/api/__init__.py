"""Permission over REST: consents with their proof, suppressed addresses, data requests."""
