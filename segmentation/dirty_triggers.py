"""
The triggers that mark customers of whom something changed; installed by this app's migrations.

Each runs once a statement and appends who the statement touched to a table without a unique key: two
writers never wait for each other there, and what is marked twice is read once. A mark is committed
with what it tells of. The layers below know nothing of it.
"""

from __future__ import annotations


_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO segmentation_dirtycustomer (customer_id, marked_at)
    SELECT DISTINCT customer_id, now() FROM ({who}) touched WHERE customer_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {act} ON {table} REFERENCING {rows}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""
_ROWS = {
    "INSERT": ("NEW TABLE AS fresh", ("fresh",)),
    "UPDATE": ("OLD TABLE AS gone NEW TABLE AS fresh", ("gone", "fresh")),
    "DELETE": ("OLD TABLE AS gone", ("gone",)),
}

_OWN = "SELECT customer_id FROM {rows}"
_OF_ORDER = """SELECT o.customer_id FROM (SELECT DISTINCT order_id FROM {rows}) lines
    JOIN customers_order o ON o.id = lines.order_id"""
_CUSTOMER = "SELECT id AS customer_id FROM {rows}"
# An address or a name that changed changes nothing that is computed, but for the domain of the address.
CUSTOMER_COLUMNS = (
    "country", "language", "email", "traits", "joined_at", "arrived_at", "erased_at", "merged_into_id",
)  # fmt: skip


def _changed_customer(*columns: str) -> str:
    return f"""SELECT fresh.id AS customer_id FROM fresh JOIN gone ON gone.id = fresh.id
    WHERE ({", ".join(f"fresh.{column}" for column in columns)})
       IS DISTINCT FROM ({", ".join(f"gone.{column}" for column in columns)})"""


def watch_customers(*columns: str) -> str:
    """SQL after which these columns are what the trigger on changed customers compares."""
    name, table = "dirty_customers_customer_update", "customers_customer"
    return f"DROP TRIGGER {name} ON {table};" + _FUNCTION.format(
        name=name,
        who=_changed_customer(*columns),
        act="UPDATE",
        table=table,
        rows=_ROWS["UPDATE"][0],
    )


_CHANGED_CUSTOMER = _changed_customer(*CUSTOMER_COLUMNS)

_TABLES = {
    "customers_customer": _CUSTOMER,
    "customers_order": _OWN,
    "customers_orderline": _OF_ORDER,
    "customers_refund": _OWN,
    "customers_review": _OWN,
    "customers_event": _OWN,
    "consent_consentstate": _OWN,
}


def _triggers() -> list[tuple[str, str, str]]:
    """Name, table and the statements that make it."""
    made = []
    for table, who in _TABLES.items():
        for act, (rows, names) in _ROWS.items():
            name = f"dirty_{table}_{act.lower()}"
            touched = " UNION ALL ".join(who.format(rows=one) for one in names)
            if table == "customers_customer" and act == "UPDATE":
                touched = _CHANGED_CUSTOMER
            made.append(
                (
                    name,
                    table,
                    _FUNCTION.format(name=name, table=table, act=act, rows=rows, who=touched),
                )
            )
    return made


# A bulk import writes orders, lines and refunds as a replica does, without checking each reference, and so without
# triggers that do not ask for it. A line that is new comes with its order, so that mark is enough.
ALWAYS = "".join(
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};"
    for name, table, _ in _triggers()
    if table in {"customers_order", "customers_refund"} or name in {
        "dirty_customers_orderline_update", "dirty_customers_orderline_delete",
    }
)  # fmt: skip
INSTALL = "".join(statements for _, _, statements in _triggers())
REMOVE = "".join(
    f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" for name, table, _ in _triggers()
)
