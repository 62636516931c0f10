import json

import pytest

from benchmarks import loop


@pytest.mark.story
def test_benchmark_prints_a_table_and_one_line_of_json(capsys):
    code = loop.main(
        ["--customers", "1500", "--rounds", "2", "--seeds", "2", "--jobs", "1", "--json"]
    )

    out = capsys.readouterr().out
    report = json.loads(out.strip().splitlines()[-1])
    assert code == 0
    assert "Share of the oracle" in out
    assert [row["round"] for row in report["rounds"]] == [1, 2]
    for row in report["rounds"]:
        share = {name: value["mean"] for name, value in row["share"].items()}
        assert share["oracle"] == 1.0
        assert share["random half"] == pytest.approx(share["everybody"] / 2)
        assert share["coterie"] <= 1.0
    assert 0 < report["ceiling"]["explained"]["mean"] < 1


def test_benchmark_refuses_unknown_parameters_in_words(capsys):
    assert loop.main(["--params", "nobody", "--seeds", "1"]) == 2
    assert "one of regulars, sparse" in capsys.readouterr().err
