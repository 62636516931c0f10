"""A record outside the database of who left and what was sent, so that a restored backup mails nobody anew."""
