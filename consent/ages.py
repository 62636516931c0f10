"""
Children: whoever declared an age below COTERIE_AGE_OF_CONSENT is not profiled and gets no promotions.

A birth date or a flag comes with the traits, by whichever way; a trigger of the customers' table reads it.
Their own consents do not count (article 8), as if they were restricted; a birthday ends it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from consent.desk import restricting


# By what was declared. The flag counts for a child unless a birth date says otherwise.
_IS_CHILD = """(erased_at IS NULL AND merged_into_id IS NULL AND %(age)s > 0
    AND coalesce(born_on > (%(today)s - make_interval(years => %(age)s))::date, is_minor, false))"""


@transaction.atomic
def check(*, now: datetime) -> tuple[int, int]:
    """Hold those who are children by now, and free those who have grown up: (held, freed)."""
    asked: dict[str, Any] = {"age": settings.AGE_OF_CONSENT, "today": now.date(), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE customers_customer SET is_under_age = true, under_age_at = %(now)s
                WHERE (born_on IS NOT NULL OR is_minor IS NOT NULL) AND NOT is_under_age
                  AND {_IS_CHILD}""",
            asked,
        )
        held = cursor.rowcount
        cursor.execute(
            f"""UPDATE customers_customer SET is_under_age = false, under_age_at = NULL
                WHERE (restricted_at IS NOT NULL OR is_under_age) AND is_under_age
                  AND NOT {_IS_CHILD} RETURNING id""",
            asked,
        )
        grown = [row[0] for row in cursor.fetchall()]
        # who became so by being one with a child
        cursor.execute(
            """UPDATE customers_customer SET under_age_at = %(now)s
               WHERE (restricted_at IS NOT NULL OR is_under_age) AND is_under_age
                 AND under_age_at IS NULL""",
            asked,
        )
    restricting.fold_anew(grown)
    return held, len(grown)
