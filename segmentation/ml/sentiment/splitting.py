"""The words of many texts at once, as columns: no text and no word is a Python object of its own.

All texts become one string of bytes, in which one pass writes small letters and tells what no word contains; the rest
is where that begins and ends.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.ml.tables import Bools, Ints


_TITLE = 120  # bytes; none is longer
_STOPS = b".!?;:\n"
_GAPS = bytes(range(9)) + b'"#$%&()*+,-/<=>@[\\]^_`{|}~ \t\v\f\r'
_GAP, _STOP = 0, 1  # what stands for them; all else is part of a word
_CODES = bytes(
    _STOP if byte in _STOPS else _GAP if byte in _GAPS else bytes([byte]).lower()[0]
    for byte in range(256)
)
_OTHER_GAPS = re.compile("[\u00a0“”„«»…–—•]")


@dataclass(frozen=True, kw_only=True)
class Words:
    """
    words: (w,) in small letters, text after text. starts: (n + 1,) the place of each text's first one, and w.
    titled: (n,) how many words of a text are its first sentence, where that is no longer than a title.
    is_ascii: (n,).
    """

    words: Any
    starts: Ints
    titled: Ints
    is_ascii: Bools

    @property
    def owner(self) -> Ints:
        """(w,) the text of every word."""
        return np.repeat(np.arange(len(self.titled)), np.diff(self.starts))

    def in_titles(self) -> Ints:
        """The places of all words of first sentences, text after text."""
        ends = np.cumsum(self.titled)
        total = int(ends[-1]) if len(ends) else 0
        shift: Ints = np.repeat(self.starts[:-1] - (ends - self.titled), self.titled)
        return shift + np.arange(total)


def split(texts: Sequence[str]) -> Words:
    is_ascii = np.fromiter(map(str.isascii, texts), dtype=bool, count=len(texts))
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    if not is_ascii.all():
        texts, lengths = _of_other_letters(texts, lengths, np.flatnonzero(~is_ascii))
    # a stop before the first and after each
    coded = "\n".join(("", *texts, "")).encode().translate(_CODES)
    begins = np.cumsum(lengths + 1) - lengths
    letters = np.frombuffer(coded, np.uint8)
    inside = letters > _STOP
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    word_begins, word_ends = edges[::2], edges[1::2]
    offsets = np.zeros(len(word_begins) + 1, np.int32)
    np.cumsum(word_ends - word_begins, out=offsets[1:])
    joined = coded.translate(None, bytes((_GAP, _STOP)))
    words = pa.StringArray.from_buffers(
        len(word_begins), pa.py_buffer(offsets), pa.py_buffer(joined)
    )
    starts = np.searchsorted(word_begins, begins)
    stops = np.flatnonzero(letters == _STOP)
    first_stop = stops[np.searchsorted(stops, begins)]
    # a short text without a full stop is all title; a long one has none
    titled = np.where(
        first_stop - begins <= _TITLE, np.searchsorted(word_begins, first_stop) - starts, 0
    )
    return Words(
        words=words,
        starts=np.append(starts, len(word_begins)),
        titled=titled,
        is_ascii=is_ascii,
    )


def _of_other_letters(texts: Sequence[str], lengths: Ints, odd: Ints) -> tuple[list[str], Ints]:
    """The texts with those of the places `odd` in small letters and without their marks, and all lengths in bytes."""
    lower = pc.utf8_lower(
        pc.replace_substring(pa.array([texts[n] for n in odd], pa.large_string()), "’", "'")
    )
    texts, lengths = list(texts), lengths.copy()
    lengths[odd] = pc.binary_length(lower).to_numpy()
    for place, text in zip(odd.tolist(), lower.to_pylist(), strict=True):
        # as many bytes as before
        texts[place] = _OTHER_GAPS.sub(lambda mark: " " * len(mark[0].encode()), text)
    return texts, lengths
