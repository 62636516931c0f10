"""One language's model: n-grams and what the lexicons say, put together by one more logistic regression.

What puts them together is learned by cross-fitting: every text is weighed by n-grams that were learned
from other texts, since n-grams flatter the texts that they were learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.sentiment import lexical
from segmentation.ml.sentiment.ngrams import QUESTIONS, NGrams
from segmentation.ml.tables import Bools, Floats, Ints


CLASSES = 3  # negative, neutral, positive
FOLDS = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    trust: how freely n-grams may speak beside the lexicons; 1 for texts like those learned from, less for
    texts of other trades. evenness: 0 learns the classes as frequent as they are, 1 as if all were as
    frequent; between, the rarer are heard without drowning the rest.
    """

    lexicons: bool = True
    trust: float = 1.0
    evenness: float = 0.5
    penalty: float = 2.0
    rarest: int = 3
    seed: int = 42


@dataclass(frozen=True, kw_only=True)
class _Linear:
    """Softmax of features by `weights`, (3, k), and `intercepts`, (3,); scaling is folded in."""

    weights: Floats
    intercepts: Floats

    def probabilities(self, features: Floats) -> Floats:
        logits = features @ self.weights.T + self.intercepts
        odds: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Floats = odds / odds.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True, kw_only=True)
class Stack:
    """texts: how many it was learned from. full: n-grams and lexicons; fast: n-grams and a glance."""

    ngrams: NGrams
    full: _Linear
    fast: _Linear
    lexicons: bool
    texts: int

    def read(self, texts: Sequence[str], measured: Floats) -> Floats:
        """Probabilities of the three classes, (n, 3); `measured` is (n, k) of `lexical.measure`, or (n, 0)."""
        decided = self.ngrams.decide(texts)
        return self.full.probabilities(np.hstack([decided, measured]))

    def skim(self, texts: Sequence[str]) -> Floats:
        """The same by the fast path."""
        return self.fast.probabilities(self.ngrams.decide(texts, self._valences()))

    def skim_and_tell(self, texts: Sequence[str]) -> tuple[Floats, Bools]:
        """As `skim`, and which texts are plainly English, (n,): their words were looked up anyway."""
        decided, plainly = self.ngrams.decide_and_tell(texts, lexical.valences())
        return self.fast.probabilities(decided), plainly

    def _valences(self) -> dict[str, float] | None:
        return lexical.valences() if self.lexicons else None

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        measured: Floats,
        classes: Ints,
        groups: Ints,
        *,
        settings: Settings,
    ) -> "Stack":
        """
        Learn from texts, what the lexicons say of each (n, k), and their classes 0, 1 or 2.

        Texts of one of `groups` (the title and the text of one review) are never on both sides of a fold.
        Raises ValueError when there are fewer than two classes.
        """
        if len(np.unique(classes)) < 2:
            raise ValueError("all texts are of one class; nothing can be learned from that")
        valences = lexical.valences() if settings.lexicons else None
        glanced = np.zeros((len(texts), QUESTIONS + settings.lexicons))
        shuffled = np.random.default_rng(settings.seed).permutation(int(groups.max()) + 1)
        fold = shuffled[groups] % FOLDS
        for held_out in range(FOLDS):
            learn, ask = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
            part = _ngrams(texts, classes, learn, settings=settings)
            glanced[ask] = part.decide([texts[i] for i in ask.tolist()], valences)
        return cls(
            ngrams=_ngrams(texts, classes, np.arange(len(texts)), settings=settings),
            full=_combine(glanced[:, :QUESTIONS], measured, classes, settings=settings),
            fast=_combine(
                glanced[:, :QUESTIONS], glanced[:, QUESTIONS:], classes, settings=settings
            ),
            lexicons=settings.lexicons,
            texts=len(np.unique(groups)),
        )

    def to_files(self, prefix: str) -> dict[str, bytes]:
        return artifacts.to_files(
            documents={prefix: {
                "texts": self.texts, "lexicons": self.lexicons,
                "lexical": list(lexical.NAMES) if self.lexicons else [],
                "intercepts": self.ngrams.intercepts.tolist(),
                "full": _plain(self.full), "fast": _plain(self.fast),
            }},
            texts={f"{prefix}_words": "\n".join(self.ngrams.words)},
            arrays={
                f"{prefix}_keys": self.ngrams.keys,
                f"{prefix}_weights": self.ngrams.rows.astype(np.float32),
            },
        )  # fmt: skip

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], prefix: str) -> "Stack":
        """Raises ArtifactError when the files are not those of `to_files`, or of other lexicons."""
        try:
            document = artifacts.read_document(files, prefix)
            words = artifacts.read_text(files, f"{prefix}_words").split("\n")
            table = artifacts.read_array(files, f"{prefix}_weights").astype(np.float64)
            lexicons = bool(document["lexicons"])
            if lexicons and tuple(document["lexical"]) != lexical.NAMES:
                raise ArtifactError("the model was learned with other lexicons; train it again")
            full = _from_plain(document["full"], QUESTIONS + len(document["lexical"]))
            fast = _from_plain(document["fast"], QUESTIONS + lexicons)
            keys = artifacts.read_array(files, f"{prefix}_keys").astype(np.int64)
            size = len(words)
            if len(keys) and not (keys.min() >= 0 and keys.max() < 2 * (size + size**2)):
                raise ArtifactError("the terms do not fit the words; train again")
            if table.shape != (len(keys), QUESTIONS + 1) or not np.isfinite(table).all():
                raise ArtifactError("the table of words does not fit its weights; train again")
            return cls(
                ngrams=NGrams(
                    words=tuple(words), keys=keys, rows=table,
                    intercepts=np.array(document["intercepts"], dtype=float).reshape(QUESTIONS),
                ),
                full=full, fast=fast, lexicons=lexicons, texts=int(document["texts"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
            raise ArtifactError(f"not a model of sentiment: {error}; train it again") from error


def _ngrams(texts: Sequence[str], classes: Ints, rows: Ints, *, settings: Settings) -> NGrams:
    return NGrams.fit(
        [texts[i] for i in rows.tolist()], classes[rows],
        seed=settings.seed, rarest=settings.rarest,
    )  # fmt: skip


def _combine(decided: Floats, said: Floats, classes: Ints, *, settings: Settings) -> _Linear:
    from sklearn.linear_model import LogisticRegression

    features = np.hstack([decided, said])
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = 1.0 / np.where(deviation > 1e-9, deviation, 1.0)
    scale[:QUESTIONS] *= settings.trust
    counts = np.bincount(classes, minlength=CLASSES).astype(float)
    heard = {
        int(one): (len(classes) / CLASSES / counts[one]) ** settings.evenness
        for one in np.flatnonzero(counts)
    }
    model = LogisticRegression(C=1.0 / settings.penalty, class_weight=heard, max_iter=500)
    model.fit((features - mean) * scale, classes)
    weights = np.zeros((CLASSES, features.shape[1]))
    intercepts = np.full(CLASSES, -30.0)  # a class never seen is never said
    if len(model.classes_) == 2:  # scikit-learn gives one row for two classes
        weights[model.classes_[1]] = model.coef_[0]
        intercepts[model.classes_[0]] = 0.0
        intercepts[model.classes_[1]] = model.intercept_[0]
    else:
        weights[model.classes_] = model.coef_
        intercepts[model.classes_] = model.intercept_
    weights = weights * scale
    return _Linear(weights=weights, intercepts=intercepts - weights @ mean)


def _plain(linear: _Linear) -> dict[str, Any]:
    return {
        "weights": linear.weights.round(6).tolist(),
        "intercepts": linear.intercepts.round(6).tolist(),
    }


def _from_plain(document: Mapping[str, Any], features: int) -> _Linear:
    weights = np.array(document["weights"], dtype=float)
    intercepts = np.array(document["intercepts"], dtype=float)
    if weights.shape != (CLASSES, features) or intercepts.shape != (CLASSES,):
        raise ArtifactError("the weights have another shape than the model needs; train again")
    if not (np.isfinite(weights).all() and np.isfinite(intercepts).all()):
        raise ArtifactError("the weights are not numbers; train again")
    return _Linear(weights=weights, intercepts=intercepts)
