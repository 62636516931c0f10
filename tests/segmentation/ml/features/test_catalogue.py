"""The catalogue says what the SQL does."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from segmentation.ml import features
from segmentation.ml.features import FEATURES, MIRROR_TABLES, MODEL_FEATURES, compute
from segmentation.ml.features.assemble import statement
from segmentation.ml.features.catalogue import THEMES
from tests.segmentation.ml.mirrors import NOON, SCHEMAS, connect, random_tables


SQL = Path(features.__file__).parent


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return random_tables(customers=300, seed=7)


# ------------------------------------------------------------------ the catalogue is the SQL


@pytest.mark.parametrize("theme", THEMES)
def test_catalogue_names_the_columns_of_each_theme(theme: str) -> None:
    known = statement().split("customers_features AS (", 1)[0].rstrip().rstrip(",")
    text = (SQL / f"{theme}.sql").read_text()
    relation = connect({}).sql(f"{known}\nSELECT * FROM (\n{text}\n)", params={"as_of": NOON})
    stated = [name for name, feature in FEATURES.items() if feature.theme == theme]
    assert relation.columns == ["customer_id", *stated]


def test_themes_are_the_files_of_the_folder() -> None:
    assert {path.stem for path in SQL.glob("*.sql")} == {"known", *THEMES}


@pytest.mark.parametrize("theme", THEMES)
def test_theme_reads_only_what_was_known(theme: str) -> None:
    text = re.sub(r"--.*", "", (SQL / f"{theme}.sql").read_text())
    sources = set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", text))
    assert not sources & set(SCHEMAS)


def test_sources_are_read_off_the_sql() -> None:
    assert features.sources("orders") == ("orders", "refunds")
    assert features.sources("carts") == ("orders", "events")
    assert features.sources("declared") == ("customers", "events", "people")
    assert set().union(*map(features.sources, THEMES)) == set(MIRROR_TABLES)


def test_models_never_see_what_has_no_history(tables: dict[str, pa.Table]) -> None:
    """What a person's record says now changes only what is for segments."""
    without = compute(connect({**tables, "people": SCHEMAS["people"].empty_table()}), as_of=NOON)
    table = compute(connect(tables), as_of=NOON)
    differing = {name for name in FEATURES if not table[name].equals(without[name])}
    assert differing == {"names_company", "own_mail_domain"} == set(FEATURES) - set(MODEL_FEATURES)


def test_table_is_float64_under_an_ascending_customer_id(tables: dict[str, pa.Table]) -> None:
    table = compute(connect(tables), as_of=NOON)
    assert table.column_names == ["customer_id", *FEATURES]
    assert set(table.schema.types[1:]) == {pa.float64()}
    ids = table["customer_id"].to_numpy()
    assert (np.diff(ids) > 0).all()
    assert not any(np.isinf(table[name].to_numpy()).any() for name in FEATURES)
