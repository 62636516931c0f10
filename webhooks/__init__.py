"""
News for a shop's own systems. Owns endpoints, messages and their posts: signed webhooks that go out.
May import campaigns and everything below it. Start in `feeds` (triggers write a message in the
transaction in which something happens) and `sending` (hands it over until it is taken).
"""
