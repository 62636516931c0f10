"""One row by a prepared statement: what the ORM takes to write a SELECT is more than the database to answer it.

For the few reads that every request of a program makes; whatever is read in more than one way is the ORM's.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

from core import statements


Row = TypeVar("Row", bound=Model)


def find(model: type[Row], where: str, parameters: dict[str, Any]) -> Row | None:
    """
    The row of `model` for which the SQL `where` holds, or None; at most one may.

    `where` is text of ours with %(named)s parameters, and the table has its own name in it.
    """
    found = statements.run(_select(model, where), parameters)
    if not found:
        return None
    names, converted = _fields(model)
    values = list(found[0])
    for place, field in converted:
        values[place] = field.from_db_value(values[place], None, connection)
    return model.from_db(connection.alias, names, values)


@cache
def _select(model: type[Model], where: str) -> str:
    table = model._meta.db_table
    columns = ", ".join(f'"{table}"."{field.column}"' for field in model._meta.concrete_fields)
    return f'SELECT {columns} FROM "{table}" WHERE {where}'


@cache
def _fields(model: type[Model]) -> tuple[list[str], list[tuple[int, Any]]]:
    fields = model._meta.concrete_fields
    converted = [(n, field) for n, field in enumerate(fields) if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converted
