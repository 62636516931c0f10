"""Owns what Coterie knows and expects of each customer: features, scores, models and segments.

May import `consent`, `customers` and `core`; its `ml` package imports no Django and no app at all.
Start reading at `segmentation/ml/catalogue.py` (what is predicted and what it has to beat), then at
`segmentation/ml/features/known.sql` (what may be known at a moment).
"""
