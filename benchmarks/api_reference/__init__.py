"""What the REST API's writes are compared with, served by the same server: DRF as its documentation has it.

Not part of the product.
"""
