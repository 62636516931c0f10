"""A simulated shop whose truth is known. Owns no data and knows no Django: arrays in, tables out.

May import only customers.sources.base. Start reading in world.py; response.py says what a mail does.
"""
