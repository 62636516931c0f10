"""News for a shop's own systems: what happened here, sent out as signed webhooks.

Triggers of the database write a message in the transaction in which something happens (`feeds`);
`sending` hands messages over, again and again until they are taken. Start there.
"""
