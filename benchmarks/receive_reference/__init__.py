"""What the doors are compared with, served by the same server: a no-op, DRF, and a bare COPY.

Not part of the product.
"""
