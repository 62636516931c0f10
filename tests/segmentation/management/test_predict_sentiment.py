"""`predict sentiment` and `evaluate sentiment`: file in, file out, the same bytes each time."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def table(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def predict(folder: Path, *options: str) -> list[dict[str, str]]:
    out = folder / "p.csv"
    call_command("predict", "sentiment", *options, "--out", str(out))
    with out.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return table(
        tmp_path / "texts.csv", "id,text",
        'a,"Lovely tea, but the delivery was late."', "b,It broke at once. Awful.", "c,Sehr gut und schön",
        "d,", 'e,"👍"',
    )  # fmt: skip


def test_columns_are_those_of_the_contract(tmp_path: Path, texts: Path) -> None:
    rows = predict(tmp_path, "--in", str(texts))
    assert [row["id"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert list(rows[0])[:9] == [
        "id", "polarity", "label", "p_neg", "p_neu", "p_pos", "textblob", "vader", "aspects",
    ]  # fmt: skip
    found = json.loads(rows[0]["aspects"])["delivery"]
    assert found["polarity"] < 0
    begin, end = found["span"]
    assert "delivery" in "Lovely tea, but the delivery was late."[begin:end]
    assert (rows[1]["label"], float(rows[1]["polarity"]) < 0) == ("negative", True)
    assert sum(float(rows[1][name]) for name in ("p_neg", "p_neu", "p_pos")) == pytest.approx(
        1, abs=1e-5
    )
    for row in rows[2:]:
        assert (row["label"], row["polarity"], row["aspects"]) == ("not_scored", "", "{}")
        assert row["reason"]
    meta = json.loads((tmp_path / "p.csv.meta.json").read_text())
    assert (meta["model"], meta["not_scored"], meta["rows"]) == ("shipped", 3, 5)


def test_own_stars_are_learned_from_and_the_bytes_are_the_same(tmp_path: Path, texts: Path) -> None:
    stars = table(
        tmp_path / "stars.csv", "id,text,rating",
        *(f"{i},sehr {'klasse' if i % 2 else 'kaputt'} und das nach {i % 9} tagen,{5 if i % 2 else 1}" for i in range(600)),
        "x,ohne sterne,",
    )  # fmt: skip
    options = ("--in", str(texts), "--train", str(stars))
    rows = predict(tmp_path, *options)
    first = (tmp_path / "p.csv").read_bytes()
    assert rows[2]["label"] != "not_scored"
    assert rows[1]["label"] == "negative"
    predict(tmp_path, *options)
    assert (tmp_path / "p.csv").read_bytes() == first
    meta = json.loads((tmp_path / "p.csv.meta.json").read_text())
    assert meta["model"] == "own"
    assert meta["learned_from"] == {"de": 600}
    assert any("1 rows without a rating" in one for one in meta["warnings"])


def test_too_few_stars_leave_the_shipped_model_and_are_said(tmp_path: Path, texts: Path) -> None:
    stars = table(tmp_path / "stars.csv", "id,text,rating", "1,this is the best of it,5")
    for more in ((), ("--alone",)):
        rows = predict(tmp_path, "--in", str(texts), "--train", str(stars), *more)
        assert rows[1]["label"] == "negative"
        meta = json.loads((tmp_path / "p.csv.meta.json").read_text())
        assert meta["model"] == "shipped"
        assert any("500 are needed" in one for one in meta["warnings"])


def test_fast_path_needs_no_lexicon(tmp_path: Path, texts: Path) -> None:
    rows = predict(tmp_path, "--in", str(texts), "--fast")
    assert rows[1]["label"] == "negative"
    assert rows[1]["vader"] == ""


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [("id,words", "1,x", "no column text"), ("", "", "empty")],
)
def test_unusable_files_are_refused_in_words(
    tmp_path: Path, header: str, row: str, words: str
) -> None:
    path = table(tmp_path / "texts.csv", header, row) if header else tmp_path / "texts.csv"
    if not header:
        path.write_text("")
    with pytest.raises(CommandError, match=words) as refused:
        predict(tmp_path, "--in", str(path))
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    ("header", "truths"),
    [("id,rating", ("5", "1", "3")), ("id,label", ("positive", "negative", "neutral"))],
)
def test_evaluate_judges_by_stars_or_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, truths: tuple[str, ...]
) -> None:
    pred = table(
        tmp_path / "p.csv", "id,p_neg,p_neu,p_pos",
        "a,0.1,0.2,0.7", "b,0.8,0.1,0.1", "c,0.2,0.5,0.3", "d,0.6,0.1,0.3", "e,,,",
    )  # fmt: skip
    good, bad, neither = truths
    truth = table(
        tmp_path / "t.csv",
        header,
        f"a,{good}",
        f"b,{bad}",
        f"c,{neither}",
        f"d,{good}",
        f"e,{good}",
    )
    call_command("evaluate", "sentiment", "--pred", str(pred), "--truth", str(truth))
    judged = json.loads(capsys.readouterr().out)
    assert judged["not_scored"] == 1
    assert judged["three_classes"]["accuracy"] == 0.75
    assert judged["good_against_bad"]["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert judged["good_against_bad"]["auc"] == 1


def test_evaluate_refuses_what_is_no_label(tmp_path: Path) -> None:
    pred = table(tmp_path / "p.csv", "id,p_neg,p_neu,p_pos", "a,0.1,0.2,0.7")
    truth = table(tmp_path / "t.csv", "id,label", "a,wonderful")
    with pytest.raises(CommandError, match="'wonderful' is not"):
        call_command("evaluate", "sentiment", "--pred", str(pred), "--truth", str(truth))


@pytest.mark.parametrize("rating", ["9", "0", "2.5", "", "nan"])
def test_evaluate_refuses_a_rating_that_is_none_with_its_row(tmp_path: Path, rating: str) -> None:
    pred = table(tmp_path / "p.csv", "id,p_neg,p_neu,p_pos", "a,0.1,0.2,0.7")
    truth = table(tmp_path / "t.csv", "id,rating", "a,4", f"b,{rating}")
    with pytest.raises(CommandError, match=f"row 2: '{rating}' is not a rating of 1, 2, 3, 4 or 5"):
        call_command("evaluate", "sentiment", "--pred", str(pred), "--truth", str(truth))
