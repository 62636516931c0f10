"""The weights that come with the program, made anew: python -m segmentation.ml.sentiment.shipping reviews.csv

They are learned from the Women's E-Commerce Clothing Reviews (CC0) alone: columns Title, Review Text and
Rating, as CSV, gzipped or not. Of another trade than the texts that they will read, n-grams are trusted a
quarter of what they are of their own, and all classes weigh the same. Both were chosen on the development
half of the sentences in `benchmarks/sentiment_sentences.txt`.
"""

import argparse
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segmentation.ml.sentiment.learning import classes_of, measure_all
from segmentation.ml.sentiment.model import WEIGHTS
from segmentation.ml.sentiment.stack import Settings, Stack


SETTINGS = Settings(trust=0.25, evenness=1.0, penalty=2_000.0, rarest=10)


def reviews(path: Path) -> list[tuple[str, str, int]]:
    """Title, text and stars of each review that has a text."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    return [
        (row["Title"].strip(), row["Review Text"].strip(), int(row["Rating"]))
        for row in rows
        if row["Review Text"].strip()
    ]


def fit(rows: Sequence[tuple[str, str, int]], *, settings: Settings = SETTINGS) -> Stack:
    """Whole reviews, and their titles once more as the short texts that they are."""
    texts = [f"{title}. {text}" if title else text for title, text, _ in rows]
    titled = [number for number, (title, _, _) in enumerate(rows) if title]
    groups = np.array([*range(len(rows)), *titled])
    texts += [rows[number][0] for number in titled]
    classes = classes_of([stars for *_, stars in rows])[groups]
    return Stack.fit(texts, measure_all(texts), classes, groups, settings=settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reviews", type=Path, help="the reviews, .csv or .csv.gz")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the folder of the weights")
    options = parser.parse_args()
    rows = reviews(options.reviews)
    options.out.mkdir(parents=True, exist_ok=True)
    files = fit(rows).to_files("general")
    for name, content in files.items():
        (options.out / name).write_bytes(content)
    sizes = {name: len(content) for name, content in files.items()}
    print(json.dumps({"reviews": len(rows), "bytes": sizes}))  # noqa: T201


if __name__ == "__main__":
    main()
