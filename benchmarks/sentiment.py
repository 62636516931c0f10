"""Sentiment beside TextBlob and VADER: quality against the goals, and texts a second.

    python -m benchmarks.sentiment ../shared/data [--speed] [--final]

Labelled sentences (UCI) and Hutto's snippets judge the shipped weights, which learned nothing from them.
Women's reviews judge a model of a shop's own stars, on a fifth that it did not learn from; nothing of the
shipped weights is mixed in, since those have seen that fifth. `--final` also judges the half of the
hand-labelled sentences that was kept for the end.
"""

import argparse
import csv
import gzip
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from textblob import TextBlob
from threadpoolctl import threadpool_limits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from segmentation.ml import metrics
from segmentation.ml.metrics import macro_f1
from segmentation.ml.sentiment import aspects, learning, model, pattern, shipping
from segmentation.ml.sentiment.model import SentimentModel


ASPECTS = {"d": "delivery", "p": "price", "q": "quality", "s": "size and fit", "v": "service"}
SENTENCES = Path(__file__).with_name("sentiment_sentences.txt")


def say(name: str, value: float, goal: float | None = None, *, others: str = "") -> None:
    verdict = "" if goal is None else f"  goal {goal:<6g} {'met' if value >= goal else 'NOT MET'}"
    print(f"{name:<44}{value:>9.4f}{verdict:<22}{others}", flush=True)


def textblob() -> Callable[[str], float]:
    return lambda text: float(TextBlob(text).sentiment.polarity)


def vader() -> Callable[[str], float]:
    analyser = SentimentIntensityAnalyzer()
    return lambda text: float(analyser.polarity_scores(text)["compound"])


def out_of_domain(data: Path) -> None:
    print("\nThe shipped weights on texts of other shops: accuracy, AUC")
    goals = {"amazon_cells": 0.90, "yelp": 0.885, "imdb": 0.87}
    for name, goal in goals.items():
        path = data / f"sentiment/{name}_labelled.txt"
        if not path.exists():
            print(f"{name:<44}  is not here")
            continue
        rows = [line.rsplit("\t", 1) for line in path.read_text("utf-8").split("\n") if line]
        _binary(name, [row[0] for row in rows], np.array([int(row[1]) for row in rows]), goal)
    path = data / "sentiment/amazonReviewSnippets_GroundTruth.txt"
    if path.exists():
        lines = [
            line.split("\t") for line in path.read_text("utf-8", "replace").split("\n") if line
        ]
        strong = [(row[2], float(row[1])) for row in lines if abs(float(row[1])) > 0.2]
        _binary(
            "Hutto, Amazon snippets",
            [t for t, _ in strong],
            np.array([v > 0 for _, v in strong]),
            None,
        )


def _binary(name: str, texts: list[str], good: Any, goal: float | None) -> None:
    shipped = model.shipped()
    for path, fast in (("", False), (", fast path", True)):
        read = shipped.read(texts, fast=fast)
        lean = np.array([one.polarity or 0.0 for one in read])
        others = ""
        if not fast:
            others = "  ".join(
                f"{other} {np.mean((scores > 0) == good):.3f}/{metrics.auc(label=good, score=scores):.3f}"
                for other, scores in (
                    ("TextBlob", np.array(list(map(textblob(), texts)))),
                    ("VADER", np.array(list(map(vader(), texts)))),
                )
            )
        say(
            f"{name}, n {len(texts)}{path}",
            float(np.mean((lean > 0) == good)),
            None if fast else goal,
            others=others,
        )
        say("    AUC", metrics.auc(label=good, score=lean))
        unscored = sum(one.polarity is None for one in read)
        if unscored:
            print(f"    {unscored} not scored, counted as wrong where they are good")


def own_stars(data: Path) -> None:
    path = data / "womens-clothing-reviews/reviews_dev.csv.gz"
    rows = shipping.reviews(path)
    recommended = _recommended(path)
    stars = np.array([row[2] for row in rows])
    texts = [f"{title}. {text}" if title else text for title, text, _ in rows]
    train, test = train_test_split(
        np.arange(len(rows)), test_size=0.2, random_state=42, stratify=stars
    )
    begun, cpu = time.perf_counter(), time.process_time()
    learned = learning.learn(
        [texts[i] for i in train], stars[train].tolist(), languages=["en"] * len(train),
        general=SentimentModel(general=None),
    )  # fmt: skip
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    classes = learning.classes_of(stars[test])
    decided = classes != 1
    asked = [texts[i] for i in test]
    print(
        f"\nA shop's own stars: Women's reviews, {len(train)} to learn from, {len(test)} to judge"
    )
    print(
        f"learned in {wall:.1f} s ({used:.1f} s of one core); goal 20 s {'met' if wall <= 20 else 'NOT MET'}"
    )
    print(f"aspects learned: {', '.join(sorted(set(learned.model.learned.values())))}")
    for name, fast in (("", False), (", fast path", True)):
        read = learned.model.read(asked, languages=["en"] * len(asked), fast=fast)
        share = np.array([[one.negative, one.neutral, one.positive] for one in read], dtype=float)
        share = np.nan_to_num(share, nan=1 / 3)  # the odd one that is not scored
        lean = share[:, 2] - share[:, 0]
        good = classes[decided] == 2
        two = macro_f1(said=(lean[decided] > 0).astype(int), true=good.astype(int))
        three = macro_f1(said=share.argmax(axis=1), true=classes)
        others = "" if fast else "  ".join(
            f"{other} {macro_f1(said=(scores[decided] > 0).astype(int), true=good.astype(int)):.3f}"
            for other, scores in (
                ("TextBlob", np.array(list(map(textblob(), asked)))),
                ("VADER", np.array(list(map(vader(), asked)))),
            )
        )  # fmt: skip
        say(f"good against bad, macro-F1{name}", two, None if fast else 0.90, others=others)
        say(f"three classes, macro-F1{name}", three, None if fast else 0.67)
        say(
            f"recommended, AUC{name}",
            metrics.auc(label=recommended[test], score=lean),
            None if fast else 0.965,
        )


def _recommended(path: Path) -> Any:
    rows = csv.DictReader(
        io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8"), newline="")
    )
    return np.array([int(row["Recommended IND"]) for row in rows if row["Review Text"].strip()])


def sentences(*, final: bool) -> list[tuple[str, dict[str, str], str]]:
    """Overall, aspect to polarity, text; those for development, or with `final` those kept for the end."""
    lines = [line for line in SENTENCES.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = []
    for number, line in enumerate(lines):
        if number // 2 % 2 == int(final):
            overall, codes, text = line.split("|")
            given: dict[str, str] = {}
            for code in codes.split():
                name = ASPECTS[code[0]]
                given[name] = "mixed" if name in given else code[1]
            rows.append((overall, given, text))
    return rows


def hand_labelled(*, final: bool) -> dict[str, float]:
    rows = sentences(final=final)
    read = model.shipped().read([text for *_, text in rows])
    hit = wrong = missed = right = judged = 0
    for (_, given, _), one in zip(rows, read, strict=True):
        found = {aspect.name: aspect.polarity for aspect in one.aspects}
        hit += len(given.keys() & found.keys())
        wrong += len(found.keys() - given.keys())
        missed += len(given.keys() - found.keys())
        for name in given.keys() & found.keys():
            if given[name] != "mixed":
                sign = (
                    "+"
                    if found[name] > aspects.NEUTRAL_BAND
                    else "-"
                    if found[name] < -aspects.NEUTRAL_BAND
                    else "0"
                )
                judged += 1
                right += sign == given[name]
    decided = [
        (overall == "+") == ((one.polarity or 0) > 0)
        for (overall, *_), one in zip(rows, read, strict=True)
        if overall != "0"
    ]
    return {
        "sentences": len(rows),
        "detection": 2 * hit / (2 * hit + wrong + missed),
        "polarity": right / max(1, judged),
        "overall": float(np.mean(decided)),
    }


def speed(data: Path) -> None:
    rows = shipping.reviews(data / "womens-clothing-reviews/reviews_dev.csv.gz")
    long = [f"{title}. {text}" for title, text, _ in rows[:6_000]]
    short = [title for title, *_ in rows[:8_000] if title]
    shipped, blob, valence = model.shipped(), textblob(), vader()
    shipped.read(long[:50]), shipped.read(long[:50], fast=True), blob(long[0])
    print(
        "\nTexts a second of processor time, one thread; the middle of five rounds, TextBlob before each"
    )
    for kind, texts in (("reviews of some 60 words", long), ("titles of some 3 words", short)):
        few = texts[:1000]
        found: dict[str, list[float]] = {
            "TextBlob": [],
            "VADER": [],
            "full": [],
            "aspects": [],
            "fast": [],
        }
        for _ in range(5):
            found["TextBlob"].append(_rate(lambda: [blob(text) for text in few], few))  # noqa: B023
            found["VADER"].append(_rate(lambda: [valence(text) for text in few], few))  # noqa: B023
            found["full"].append(_rate(lambda: shipped.read(few, with_aspects=False), few))  # noqa: B023
            found["aspects"].append(_rate(lambda: shipped.read(few), few))  # noqa: B023
            found["fast"].append(_rate(lambda: shipped.read(texts, fast=True), texts))  # noqa: B023
        middle = {name: float(np.median(rates)) for name, rates in found.items()}
        print(f"{kind}: " + "  ".join(f"{name} {rate:,.0f}/s" for name, rate in middle.items()))
        say("    full beside TextBlob", middle["full"] / middle["TextBlob"], 1.0)
        say("    full with aspects beside TextBlob", middle["aspects"] / middle["TextBlob"])
        say("    fast beside TextBlob", middle["fast"] / middle["TextBlob"], 20.0)
        say("    full, texts a second", middle["full"], 1_500)
        cost = _pattern_cost(few)
        say("    TextBlob inside, ms a text (goal at most .4)", cost)


def _pattern_cost(texts: Sequence[str]) -> float:
    return 1_000 / _rate(lambda: [pattern.assess(text) for text in texts], texts)


def _rate(work: Callable[[], Any], texts: Sequence[str]) -> float:
    # of the processor: on a busy machine the clock on the wall measures the others
    begun = time.process_time()
    work()
    return len(texts) / (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder of the public data sets")
    parser.add_argument("--speed", action="store_true", help="only texts a second")
    parser.add_argument("--final", action="store_true", help="also the sentences kept for the end")
    options = parser.parse_args()
    with threadpool_limits(limits=1):
        if not options.speed:
            out_of_domain(options.data)
            own_stars(options.data)
            print(
                "\nHand-labelled sentences: aspects found (micro-F1), their polarity, good against bad overall"
            )
            for final in (False, True)[: 1 + options.final]:
                judged = hand_labelled(final=final)
                print(
                    f"{'kept for the end' if final else 'for development'}, n {judged['sentences']:.0f}"
                )
                say("    detection", judged["detection"], 0.85)
                say("    polarity", judged["polarity"], 0.83)
                say("    overall", judged["overall"])
        speed(options.data)


if __name__ == "__main__":
    main()
