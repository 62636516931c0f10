"""`predict clv|churn` and `evaluate clv|churn`: from files to files, the same bytes, odd files in words."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest
from django.core.management import CommandError, call_command


DAYS = 300
START = np.datetime64("2023-01-01")
CUT = "2023-09-01"


def write(path: Path, rows: list[tuple[str, float, float]]) -> Path:
    """customer, day since START, amount."""
    lines = ["customer_id,date,amount"]
    for customer, day, amount in rows:
        when = (START + np.timedelta64(round(day * 86_400), "s")).astype("datetime64[s]")
        lines.append(f"{customer},{when},{amount:.2f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    rows = []
    for number in range(700):
        gap = rng.choice([12.0, 40.0, 150.0])
        day = rng.uniform(0, DAYS / 2)
        leaves = day + (rng.uniform(0, DAYS) if rng.random() < 0.4 else DAYS)
        while day < min(DAYS, leaves):
            rows.append((f"c{number}", day, rng.gamma(4, 10)))
            day += rng.exponential(gap) + 0.01
    return write(tmp_path_factory.mktemp("shop") / "tx.csv", rows)


def predict(task: str, file: Path, out: Path, *arguments: str) -> dict:
    call_command(
        "predict", task, "--transactions", str(file), "--cutoff", CUT, "--horizon-days", "50",
        "--out", str(out), *arguments,
    )  # fmt: skip
    return json.loads(Path(f"{out}.meta.json").read_text(encoding="utf-8"))


def evaluate(task: str, out: Path, truth: Path, *arguments: str) -> dict:
    measured = out.with_suffix(".json")
    call_command(
        "evaluate", task, "--pred", str(out), "--truth", str(truth), "--out", str(measured), *arguments,
    )  # fmt: skip
    return json.loads(measured.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def predicted(shop: Path) -> Path:
    out = shop.parent / "predicted.csv"
    predict("clv", shop, out)
    return out


def test_clv_is_written_and_judged(shop: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "p.csv"
    meta = predict("clv", shop, out)
    assert "rows at or after 2023-09-01 are ignored" in capsys.readouterr().err
    table = pc.read_csv(out)
    assert table.column_names == [
        "customer_id", "exp_transactions", "med_transactions", "exp_spend", "med_spend", "p_buy",
        "lo80_spend", "hi80_spend",
    ]  # fmt: skip
    assert meta["origins"]
    assert meta["reason"]
    measured = evaluate("clv", out, shop, "--cutoff", CUT, "--horizon-days", "50")
    assert measured["transactions"]["gini"] > 0.4
    assert abs(measured["transactions"]["total_error"]) < 0.25
    assert 0.7 < measured["coverage_80"] < 0.95


def test_truth_may_be_one_row_a_customer(predicted: Path, tmp_path: Path, capsys) -> None:
    out, truth = tmp_path / "p.csv", tmp_path / "t.csv"
    out.write_bytes(predicted.read_bytes())
    customers = pc.read_csv(out)["customer_id"].to_pylist()
    lines = [f"{name},2,80.5" for name in customers[::3]]
    truth.write_text("customer_id,transactions,spend\n" + "\n".join(lines) + "\n")
    measured = evaluate("clv", out, truth)
    assert measured["buyers"] == len(lines)
    assert "they bought nothing" in capsys.readouterr().err


def test_churn_is_written_with_reasons_and_judged(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    meta = predict("churn", shop, out)
    table = pc.read_csv(out)
    assert table.column_names == ["customer_id", "p_churn", "p_buy", "top_reasons"]
    both = table["p_churn"].to_numpy() + table["p_buy"].to_numpy()
    np.testing.assert_allclose(both, 1, atol=1e-9)
    assert any(
        "ast order" in one and "usual gap" in one for one in table["top_reasons"].to_pylist()
    )
    assert set(meta["inner_scores"]) == {
        "boosted trees", "decision tree", "logistic regression", "recency rule",
    }  # fmt: skip
    measured = evaluate("churn", out, shop, "--cutoff", CUT, "--horizon-days", "50")
    assert measured["auc"] > 0.75
    assert measured["log_loss_against_constant"]["high"] < 0


@pytest.mark.parametrize("algorithm", ["logistic-regression", "recency-rule"])
def test_the_simple_models_can_be_asked_for(shop: Path, tmp_path: Path, algorithm: str) -> None:
    out = tmp_path / "c.csv"
    meta = predict("churn", shop, out, "--algorithm", algorithm, "--reasons", "0")
    assert meta["model"] == algorithm.replace("-", " ")
    assert "as asked for" in meta["reason"]
    assert len(set(pc.read_csv(out)["p_buy"].to_pylist())) > 3


def test_the_order_of_rows_and_a_second_run_change_no_byte(
    shop: Path, predicted: Path, tmp_path: Path
) -> None:
    head, *rows = shop.read_text(encoding="utf-8").splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    predict("clv", other, tmp_path / "second.csv")
    assert predicted.read_bytes() == (tmp_path / "second.csv").read_bytes()


def test_few_customers_get_the_documented_fallback(tmp_path: Path) -> None:
    rows = [(f"c{n}", n + 20.0 * k, 10.0 + n) for n in range(8) for k in range(1 + n % 4)]
    few = write(tmp_path / "few.csv", rows)
    meta = predict("clv", few, tmp_path / "p.csv")
    assert meta["model"] == "steady rate"
    assert "10 are needed" in meta["reason"]
    meta = predict("churn", few, tmp_path / "c.csv")
    assert "fewer than 50 buyers" in meta["reason"]
    for name in ("p", "c"):
        said = pc.read_csv(tmp_path / f"{name}.csv")["p_buy"].to_pylist()
        assert len(set(said)) > 2


def test_a_window_in_which_nobody_bought_is_survived(tmp_path: Path) -> None:
    rows = [(f"c{n}", 1 + n / 10, 20.0) for n in range(300)]
    once = write(tmp_path / "once.csv", rows)
    meta = predict("clv", once, tmp_path / "p.csv")
    assert "0 customers came back" in meta["reason"]
    assert pc.read_csv(tmp_path / "p.csv")["p_buy"].to_numpy().max() < 0.5
    assert predict("churn", once, tmp_path / "c.csv")["model"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--cutoff", "2020-01-01"], "0 customers before"),
        (["--cutoff", "soon"], "is not a date"),
        (["--horizon-days", "0"], "is not from 1 to"),
        (["--transactions", "no.csv"], "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said(
    shop: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    for task in ("clv", "churn"):
        with pytest.raises(CommandError, match=told) as error:
            predict(task, shop, tmp_path / "p.csv", *arguments)
        assert error.value.returncode == 2


def test_predictions_that_do_not_fit_the_truth_are_said(
    shop: Path, predicted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    out.write_bytes(predicted.read_bytes())
    with pytest.raises(CommandError, match="needs --cutoff and --horizon-days"):
        evaluate("clv", out, shop)
    other = tmp_path / "t.csv"
    other.write_text("customer_id,transactions,spend\nnobody,1,5\n")
    with pytest.raises(CommandError, match="no customer in common"):
        evaluate("clv", out, other)


def test_predictions_that_cannot_be_are_refused_and_ids_of_pandas_are_understood(
    tmp_path: Path,
) -> None:
    truth, said = tmp_path / "t.csv", tmp_path / "p.csv"
    truth.write_text("customer_id,transactions\n1,0\n2,3\n3,0\n4,1\n")
    said.write_text("customer_id,p_churn\n1.0,0.9\n2.0,0.2\n3.0,0.8\n4.0,0.1\n")
    evaluate("churn", said, truth)
    said.write_text("customer_id,p_churn\n1,0.9\n2,7\n")
    with pytest.raises(CommandError, match="p_churn is a probability"):
        evaluate("churn", said, truth)
    said.write_text("customer_id,p_churn\n1,0.9\n1,0.2\n")
    with pytest.raises(CommandError, match="customers repeat"):
        evaluate("churn", said, truth)
