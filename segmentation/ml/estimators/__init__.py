"""One file per model; each takes arrays, returns arrays, and can say how well it does beside a baseline.

May import `segmentation.ml` and nothing above it. Start reading at `baselines.py`.
"""
