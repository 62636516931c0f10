"""Shop data over REST: what comes in goes through `ingest.take_in`, what goes out is what the key may see."""
