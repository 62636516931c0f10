"""Owns the numbers: features in SQL, labels, splits, metrics, estimators, artefacts.

May import numpy, scipy, scikit-learn, LightGBM, pyarrow and DuckDB, and nothing that knows Django.
Start reading at `features/known.sql`, then `estimators/propensity.py`.
"""
