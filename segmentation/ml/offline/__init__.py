"""Prediction and judgement on files: no database, no network, no clock; the models are the product's own."""
