"""People who do not exist: names, countries, languages and addresses at reserved domains (RFC 2606)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.sources.simulation.randomness import Stream, generator


_COUNTRIES = (("GB", "en", 0.34), ("US", "en", 0.22), ("IE", "en", 0.06), ("DE", "de", 0.16),
              ("FR", "fr", 0.10), ("NL", "nl", 0.06), ("AT", "de", 0.06))  # fmt: skip
_FIRST = {
    "en": "Amelia Oliver Isla George Ava Arthur Grace Leo Freya Theo Ruby Alfie Nora Jack Maeve Liam",
    "de": "Emma Paul Mia Felix Hannah Jonas Lena Lukas Clara Moritz Ida Anton Greta Emil Frieda Karl",
    "fr": "Louise Gabriel Alice Raphael Chloe Louis Manon Jules Camille Hugo Jeanne Adam Zoe Arthur Lou Nino",
    "nl": "Julia Noah Saar Daan Tess Sem Fenna Bram Lotte Finn Roos Luuk Evi Thijs Sofie Gijs",
}
_LAST = {
    "en": "Smith Jones Taylor Brown Murphy Walsh Clark Hughes Green Baker Turner Carter Reed Ward Doyle Price",
    "de": "Fischer Weber Wagner Becker Hofmann Koch Richter Klein Wolf Neumann Braun Vogel Keller Frank Roth Lang",
    "fr": "Martin Bernard Petit Robert Richard Durand Moreau Laurent Simon Michel Garcia Roux Fournier Girard Andre Blanc",
    "nl": "Jansen Visser Smit Meijer Bakker Mulder Bos Vos Peters Hendriks Dekker Kok Postma Kuiper Prins Blom",
}
_DOMAINS = ("example.com", "example.org", "example.net")


def people(external_ids: pa.Array, *, seed: int) -> dict[str, pa.Array]:
    """Columns email, first_name, last_name, country, language for these customers."""
    count = len(external_ids)
    rng = generator(seed, Stream.NAMES)
    shares = np.array([share for _, _, share in _COUNTRIES])
    country = rng.choice(len(_COUNTRIES), size=count, p=shares / shares.sum())
    languages = list(_FIRST)
    language = np.array([languages.index(code) for _, code, _ in _COUNTRIES])[country]
    first = _pick(_FIRST, language, rng.integers(16, size=count))
    last = _pick(_LAST, language, rng.integers(16, size=count))
    domain = pa.array(_DOMAINS).take(pa.array(rng.integers(len(_DOMAINS), size=count)))
    local = pc.binary_join_element_wise(
        pc.utf8_lower(first), pc.utf8_lower(last), pc.utf8_lower(external_ids), "."
    )
    return {
        "email": pc.binary_join_element_wise(local, domain, "@"),
        "first_name": first,
        "last_name": last,
        "country": pa.array([code for code, _, _ in _COUNTRIES]).take(pa.array(country)),
        "language": pa.array(languages).take(pa.array(language)),
    }


def _pick(names: dict[str, str], language: np.ndarray, number: np.ndarray) -> pa.Array:
    pool = pa.array([name for words in names.values() for name in words.split()])
    return pool.take(pa.array(language * 16 + number))
