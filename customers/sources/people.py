"""A file of people, one a line, with what it says of their consent: exports of mailing tools and of Shopify.

An import may take consent away, never bring it back: `consent` holds to that when it reads the events
made here. "Subscribed" without a time and a place is a claim (CONSENT_CLAIMED), not a consent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from customers import quality, reports
from customers.enums import SourceKind
from customers.sources import people_fields, person_keys
from customers.sources.layouts import LINE, FileLayout, Translation, kinds, quoted, refuse
from customers.sources.people_fields import FIELDS, GIVEN, SILENT, SPELLINGS, WITHDRAWN


_FORMATS = (
    "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M", "%d.%m.%Y",
)  # fmt: skip
_NAMES = ("first_name", "last_name")
_TOLD = 10  # conflicts told one by one
_SOLD = ("lineitem", "quantity", "qty", "sku", "unit price", "invoice", "stockcode")


def reads(names: Sequence[str], settings: Mapping[str, Any]) -> Collection[str]:
    return people_fields.columns(names, settings.get("mapping")).values()


def fits(names: Sequence[str]) -> float:
    """Certain when there is an address and something about consent, and nothing was sold."""
    known = {name.strip().lower() for name in names}

    def has(field: str) -> bool:
        return any(spelling in known for spelling in SPELLINGS[field])

    if any(name.replace("_", " ").startswith(_SOLD) for name in known):
        return 0.0
    if not has("email"):
        return 0.0
    return 0.95 if has("consent") or has("consent_at") or has("withdrawn_at") else 0.6


def translate(
    db: duckdb.DuckDBPyConnection,
    *,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    now: datetime,
) -> Translation:
    found = people_fields.columns(columns, settings.get("mapping"))
    person_keys.install(db)
    said = dict(settings.get("consent") or {})
    db.execute(_parsed(db, found, now=now, place=str(said.get("place", ""))))
    refuse(db, parsed="people", columns=columns)
    db.execute(_CUSTOMERS)
    wording = str(said.get("wording", ""))
    db.execute(_consents(wording=wording, now=now))
    notes, conflicts = _notes(db), _conflicts(db)
    db.execute("DROP TABLE said; DROP TABLE people")
    return Translation(line_entities=("customers",), notes=notes, conflicts=conflicts)


# ---------------------------------------------------------------- from lines to people
def _day(said: str) -> str:
    """SQL of a date as a trait has it, from SQL of a text; a birthday without its year is none."""
    forms = ", ".join(f"'{form}'" for form in _FORMATS)
    read = f"coalesce(try_cast({said} AS TIMESTAMP), try_strptime({said}, [{forms}]))"
    return f"strftime({read}, '%Y-%m-%d')"


def _parsed(
    db: duckdb.DuckDBPyConnection, found: Mapping[str, str], *, now: datetime, place: str
) -> str:
    kind_of = kinds(db)

    def text(field: str) -> str:
        column = found.get(field)
        if column is None:
            return "NULL::varchar"
        said = f"trim({quoted(column)}::varchar)"
        # spreadsheets' way to keep a number a text: '7000123. A name may begin like that: 't Hart
        if field not in _NAMES:
            said = f"trim(ltrim({said}, ''''))"
        return f"nullif({said}, '')"

    def moment(field: str) -> str:
        column = found.get(field)
        if column is None:
            return "NULL::bigint"
        if kind_of[column].startswith(("TIMESTAMP", "DATE")):
            said = f"epoch({quoted(column)}::timestamp)"
        else:
            forms = ", ".join(f"'{form}'" for form in _FORMATS)
            said = (
                f"coalesce(epoch(try_cast({text(field)} AS TIMESTAMPTZ)),"
                f" epoch(try_strptime({text(field)}, [{forms}])))"
            )
        # a time that is yet to come is no time of a consent, and the year 1 or 1970 stands for none
        return (
            f"(CASE WHEN {said} BETWEEN {int(quality.EARLIEST.timestamp())} AND {int(now.timestamp())}"
            f" THEN {said} END)::bigint"
        )

    def is_one_of(words: Sequence[str], field: str) -> str:
        listed = ", ".join(f"'{word}'" for word in words)
        return f"coalesce(lower({text(field)}), '') IN ({listed})"

    def state(field: str, *, withdrawn: str) -> str:
        return (
            f"CASE WHEN {withdrawn} OR {is_one_of(WITHDRAWN, field)} THEN 'NO'"
            f" WHEN {is_one_of(GIVEN, field)} THEN 'YES'"
            f" WHEN {is_one_of(SILENT, field)} THEN '' ELSE '?' END"
        )

    withdrawn = f"coalesce({text('withdrawn_at')}, {text('cleaned_at')}) IS NOT NULL"
    # Mailchimp's export of subscribers has no word for it: who is in it opted in at a time
    implied = "consent" not in found and "consent_at" in found
    consent = state("consent", withdrawn=withdrawn)
    if implied:
        consent = (
            f"CASE WHEN {withdrawn} THEN 'NO'"
            f" WHEN {moment('consent_at')} IS NOT NULL THEN 'YES' ELSE '' END"
        )
    escaped = place.replace("'", "''")
    where = f"coalesce({text('consent_source')}, nullif('{escaped}', ''))"
    address = f"regexp_full_match(email, '{reports.ADDRESS.strip('^$')}')"
    return f"""
        CREATE OR REPLACE TABLE people AS
        WITH fields AS (
            SELECT {LINE} AS line_number,
                   regexp_replace({text("id")}, '^([0-9]+)\\.0$', '\\1') AS id,
                   {text("email")} AS email, {text("first_name")} AS first_name,
                   {text("last_name")} AS last_name, {text("phone")} AS phone,
                   {text("country")} AS country, {text("language")} AS language,
                   {text("tags")} AS tags, {_day(text("birthday"))} AS birthday, {text("age")} AS age,
                   {moment("created")} AS created,
                   {consent} AS consent, {text("consent")} AS consent_word,
                   {moment("consent_at")} AS consent_at,
                   coalesce({moment("withdrawn_at")}, {moment("cleaned_at")}) AS withdrawn_at,
                   {where} AS place, {text("consent_wording")} AS wording,
                   {text("consent_ip")} AS ip,
                   {state("sms_consent", withdrawn="false")} AS sms, {moment("sms_consent_at")} AS sms_at
            FROM lines
        )
        SELECT *, coalesce(id, CASE WHEN {address} THEN person_key(email) END) AS external_id,
               CASE WHEN id IS NULL AND email IS NULL THEN 'missing_id'
                    WHEN id IS NULL AND NOT coalesce({address}, false) THEN 'bad_address' END AS reason,
               {int(now.timestamp())} AS now
        FROM fields
    """


_CUSTOMERS = """
    CREATE OR REPLACE TABLE customers AS
    SELECT external_id, coalesce(email, '') AS email, coalesce(first_name, '') AS first_name,
           coalesce(last_name, '') AS last_name, coalesce(country, '') AS country,
           coalesce(language, '') AS language, coalesce(phone, '') AS phone,
           CASE WHEN coalesce(tags, birthday, age) IS NOT NULL
                THEN json_merge_patch('{}', json_object('tags', left(tags, 2000), 'birthday', birthday,
                                                        'age', left(age, 20)))::varchar END AS traits,
           coalesce(created, consent_at, now) AS joined_at, line_number AS file_line
    FROM people WHERE reason IS NULL ORDER BY line_number
"""


# ---------------------------------------------------------------- what they say about consent
def _consents(*, wording: str, now: datetime) -> str:
    """
    Make `said` (each word of each line) and `events` (a person's word on a channel).

    Of a person's lines the stricter counts: a no before a yes, a claim only without either.
    """
    default = f"nullif('{wording.replace(chr(39), chr(39) * 2)}', '')"
    return f"""
        CREATE OR REPLACE TABLE said AS
        SELECT line_number, external_id, 'EMAIL' AS channel, consent AS word, consent_word AS state,
               CASE WHEN consent = 'NO' THEN withdrawn_at ELSE consent_at END AS told_at,
               place, coalesce(wording, {default}) AS wording, ip, now
        FROM people WHERE reason IS NULL AND consent <> ''
        UNION ALL
        SELECT line_number, external_id, 'SMS', sms, sms, sms_at, place, NULL, ip, now
        FROM people WHERE reason IS NULL AND sms <> '';
        CREATE OR REPLACE TABLE events AS
        WITH ranked AS (
            SELECT *, CASE WHEN word = 'NO' THEN 'CONSENT_WITHDRAWN'
                           WHEN told_at IS NOT NULL AND (place IS NOT NULL OR ip IS NOT NULL)
                           THEN 'CONSENT_GIVEN' ELSE 'CONSENT_CLAIMED' END AS kind
            FROM said WHERE word IN ('YES', 'NO')
        ), one AS (
            SELECT * FROM ranked
            QUALIFY row_number() OVER (
                PARTITION BY external_id, channel
                ORDER BY kind = 'CONSENT_WITHDRAWN' DESC, kind = 'CONSENT_GIVEN' DESC,
                         told_at DESC NULLS LAST, line_number
            ) = 1
        )
        -- without a time the day of the import stands for it, so that a second run adds nothing
        SELECT 'import:' || kind || ':' || channel || ':' || md5(external_id) || ':'
                   || coalesce(told_at::varchar, '{now:%Y-%m-%d}') AS external_id,
               external_id AS customer_external_id, kind, coalesce(told_at, now) AS happened_at,
               json_merge_patch(
                   json_object('purpose', 'MARKETING', 'channel', channel, 'provenance', 'import',
                               'method', 'import', 'state', left(coalesce(state, ''), 50)),
                   CASE WHEN place IS NULL THEN '{{}}' ELSE json_object('form', left(place, 200)) END,
                   CASE WHEN wording IS NULL THEN '{{}}'
                        ELSE json_object('wording', left(wording, 50)) END,
                   CASE WHEN ip IS NULL THEN '{{}}' ELSE json_object('ip_hash', ip_key(ip)) END
               )::varchar AS properties
        FROM one ORDER BY line_number
    """


def _notes(db: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    counts = dict(db.execute("SELECT kind, count(*) FROM events GROUP BY 1").fetchall())
    notes = [
        f"{counts[kind]:,} {words}"
        for kind, words in (
            (
                "CONSENT_GIVEN",
                "consents with a time and a place; each counts unless it was ever withdrawn.",
            ),
            (
                "CONSENT_CLAIMED",
                "consents without a time or a place: claimed, so nobody is mailed for them.",
            ),
            ("CONSENT_WITHDRAWN", "people said no: they are not mailed, whatever else is known."),
        )
        if kind in counts
    ]
    strange = db.execute(
        "SELECT state, count(*) FROM said WHERE word = '?' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
    ).fetchall()
    if strange:
        words = ", ".join(f"“{word}” ({count:,})" for word, count in strange)
        notes.append(f"Not understood as a consent, and taken as nothing: {words}.")
    return ("Times without a zone are taken as UTC.", *notes)


def _conflicts(db: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = db.execute("""
        SELECT min(line_number) FILTER (word = 'YES'), min(line_number) FILTER (word = 'NO')
        FROM said GROUP BY external_id, channel
        HAVING bool_or(word = 'YES') AND bool_or(word = 'NO') ORDER BY 1
    """).fetchall()
    told = tuple(
        f"Line {yes} says yes and line {no} says no for one person: no was taken."
        for yes, no in rows[:_TOLD]
    )
    if len(rows) > _TOLD:
        told += (f"The same for {len(rows) - _TOLD:,} more people.",)
    return told


LAYOUT = FileLayout(
    title="People with consent (Klaviyo, Mailchimp or your own columns)",
    kind=SourceKind.CSV,
    fits=fits,
    reads=reads,
    translate=translate,
    fields=FIELDS,
)
SHOPIFY = FileLayout(
    title="Shopify: customers export",
    kind=SourceKind.CSV,
    fits=lambda names: (
        0.99
        if {"accepts email marketing", "total orders"} <= {name.strip().lower() for name in names}
        or {"accepts marketing", "total spent"} <= {name.strip().lower() for name in names}
        else 0.0
    ),
    reads=reads,
    translate=translate,
)
