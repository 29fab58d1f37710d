"""Do tables of past runs become `Runs`, and does every unusable one say so in one line that names the run?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError
from modelcollapse.estimation.distinct_settings import settings_of
from modelcollapse.estimation.runs import Runs, read_runs

TABLE: dict[str, list[Any]] = {
    "real": [1e6, 2e6, 4e6, 8e6],
    "synthetic": [0, 0, 4e6, 8e6],
    "size": [1e5, 1e5, 1e6, 1e6],
    "generation": [0, 0, 1, 2],
    "seed": [0, 1, 0, 1],
    "generator": [None, None, 1e6, 1e6],
    "loss": [3.0, 2.5, 2.25, 2.0],
    "loss_frequent": [1.0, 0.9, 0.8, 0.7],
    "loss_rare": [6.0, 5.5, 5.75, 6.0],
}


def test_read_runs_finds_every_column() -> None:
    runs = read_runs(pd.DataFrame(TABLE))
    assert len(runs) == 4
    assert runs.real.tolist() == TABLE["real"]
    assert runs.synthetic.tolist() == TABLE["synthetic"]
    assert runs.size is not None
    assert runs.size.tolist() == TABLE["size"]
    assert runs.generation is not None
    assert runs.generation.tolist() == TABLE["generation"]
    assert runs.repetition is not None
    assert runs.repetition.tolist() == TABLE["seed"]
    assert runs.generator is not None
    np.testing.assert_array_equal(runs.generator, [np.nan, np.nan, 1e6, 1e6])
    assert {name: losses.tolist() for name, losses in runs.band_losses.items()} == {
        "frequent": TABLE["loss_frequent"],
        "rare": TABLE["loss_rare"],
    }
    assert runs.unit == "samples"
    assert runs.warnings == ()


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".parquet", ".jsonl"])
def test_read_runs_returns_the_same_runs_from_every_format(tmp_path: Path, ending: str) -> None:
    path, frame = tmp_path / f"runs{ending}", pd.DataFrame(TABLE)
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, sep="\t" if ending == ".tsv" else ",", index=False)
    found, expected = read_runs(path), read_runs(TABLE)
    for name in ("real", "synthetic", "loss", "size", "generation", "repetition", "generator"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("real_tokens", "synthetic_tokens", "val_loss"), "tokens"),
        (("n_real", "n_synthetic", "eval/loss"), "samples"),
        (("Real Samples", "Synthetic-Samples", "Validation Loss"), "samples"),
        (("n_real_tokens", "synthetic", "test_error"), "tokens"),
    ],
)
def test_read_runs_understands_names_as_people_write_them(names: tuple[str, ...], unit: str) -> None:
    runs = read_runs(dict(zip(names, ([1e6, 2e6], [0, 1e6], [3.0, 2.0]), strict=True)))
    assert runs.synthetic.tolist() == [0, 1e6]
    assert runs.loss.tolist() == [3.0, 2.0]
    assert runs.unit == unit


def test_read_runs_splits_a_total_by_the_synthetic_share() -> None:
    runs = read_runs({"tokens": [1e6, 4e6], "fraction": [0, 0.25], "loss": [3.0, 2.0]})
    assert runs.real.tolist() == [1e6, 3e6]
    assert runs.synthetic.tolist() == [0, 1e6]
    assert runs.fraction.tolist() == [0, 0.25]
    assert runs.unit == "tokens"


def test_read_runs_takes_amounts_before_shares() -> None:
    table = {"real": [1e6, 2e6], "synthetic": [0, 2e6], "tokens": [1e6, 4e6], "fraction": [0, 50], "loss": [3.0, 2.0]}
    assert read_runs(table).synthetic.tolist() == [0, 2e6]


def test_read_runs_takes_the_columns_that_the_user_names() -> None:
    table = {
        "a": [1e6, 2e6],
        "synthetic": [0, 0],
        "val_loss": [3.0, 2.0],
        "loss_ce": [4.0, 5.0],
        "loss_std": [0.1, 0.2],
    }
    runs = read_runs(table, columns={"real": "a", "loss": "loss_ce"})
    assert runs.real.tolist() == [1e6, 2e6]
    assert runs.loss.tolist() == [4.0, 5.0]
    assert runs.band_losses == {}


def test_read_runs_reads_numbers_that_are_text() -> None:
    runs = read_runs(
        {"real": ["1e6", "2000000"], "synthetic": ["0", ""], "loss": ["3.0", "2.5"]} | {"synthetic": [0, 1]}
    )
    assert runs.real.tolist() == [1e6, 2e6]


def changed(**columns: Any) -> dict[str, Any]:
    """Return the table with some columns changed; None leaves one out."""
    return {name: values for name, values in {**TABLE, **columns}.items() if values is not None}


BAD_TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no_loss": (changed(loss=None), "no column for `loss`. Name it loss or val_loss or validation_loss, or say which"),
    "no_synthetic": (changed(synthetic=None), "no column for `synthetic`"),
    "no_zeros": (changed(synthetic=None), "Write zeros where there was none."),
    "no_share": (changed(synthetic=None, real=None, total=[1e6] * 4), "no column for `fraction`"),
    "no_total": (changed(synthetic=None, real=None, fraction=[0.1] * 4), "no column for `total`"),
    "half_a_pair": (changed(synthetic=None, fraction=[0.5] * 4), "no column for `synthetic`"),
    "two_losses": (changed(val_loss=[1.0] * 4), "`loss`, `val_loss` may each be `loss`. Say which one is, as in"),
    "negative": (changed(loss=[3.0, -2.5, 2.2, 2.0]), "data row 2: `loss` must be a number in (0, 1e+30]; got -2.5."),
    "zero": (changed(loss=[3.0, 2.5, 2.2, 0.0]), "data row 4: `loss` must be a number in (0, 1e+30]; got 0."),
    "nan": (changed(loss=[3.0, 2.5, None, 2.0]), "data row 3: `loss` must be a number in (0, 1e+30]; got no number."),
    "infinite": (changed(loss=[3.0, 2.5, np.inf, 2.0]), "data row 3: `loss` must be a number in (0, 1e+30]; got inf."),
    "band": (changed(loss_rare=[1.0, 1.0, 1.0, -1.0]), "data row 4: `loss_rare` must be a number in (0, 1e+30]"),
    "text": (changed(loss=["3.0", "2.5", "diverged", "2"]), "data row 3: `loss` must be a number; got 'diverged'."),
    "dates": (changed(loss=pd.date_range("2025-01-01", periods=4)), "column `loss` must hold numbers; it holds date"),
    "negative_data": (changed(real=[1e6, 2e6, -4e6, 8e6]), "data row 3: `real` must be 0 or a number in [1, 1e+30]"),
    "millions": (
        changed(real=[0.5, 1, 2, 4]),
        "data row 1: `real` must be 0 or a number in [1, 1e+30]; got 0.5. Write",
    ),
    "billions": (
        changed(size=[0.1, 0.1, 1, 1]),
        "data row 1: `size` must be a number of model parameters in [1, 1e+30]",
    ),
    "nothing": (changed(real=[0, 2e6, 4e6, 8e6]), "data row 1: `real` and `synthetic` are both 0. Remove the run."),
    "half": (changed(generation=[0, 0, 0.5, 1]), "data row 3: `generation` must be a whole number of at least 0"),
    "zeroth": (
        changed(generation=[0, 0, 0, 1]),
        "data row 3: generation 0 is trained on real data alone, and this run",
    ),
    "generator": (changed(generator=[1e6, 1e6, None, 1e6]), "data row 3: `generator` must be an amount of data"),
    "percent": (changed(real=None, synthetic=None, total=[1e6] * 4, fraction=[0, 10, 20, 30]), "Write 0.25, not 25"),
    "units": (changed(real=None, synthetic=None, real_tokens=[1e6] * 4, synthetic_samples=[0] * 4), "different units"),
    "one_run": ({name: values[:1] for name, values in TABLE.items()}, "needs at least 2 runs; got 1."),
    "copies": ({name: values[:1] * 3 for name, values in TABLE.items()}, "all 3 runs are copies of one."),
    "named": (changed(run=["a", "b", "c", "d"], loss=[1, 1, 1, -1]), "data row 4 (d): `loss` must be"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_read_runs_names_what_is_wrong_in_one_line(case: str) -> None:
    table, message = BAD_TABLES[case]
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_runs(table, name="runs.csv")
    assert str(caught.value).startswith("runs.csv: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 320


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"loss": "val"}, "no column `val` for `loss`. Did you mean `vall`?"),
        ({"lost": "vall"}, "unknown key `lost` in the columns"),
    ],
)
def test_read_runs_refuses_columns_that_are_not_there(columns: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_runs({"real": [1, 2], "synthetic": [0, 0], "vall": [1.0, 2.0]}, columns=columns)


@pytest.mark.parametrize("source", [3, [1, 2], {"real": [1, 2], "loss": [1.0]}], ids=str)
def test_read_runs_refuses_other_sources(source: object) -> None:
    with pytest.raises(InputError, match="the table"):
        read_runs(source)


def test_read_runs_leaves_out_copies_but_no_repeats() -> None:
    repeated = {name: [*values, values[-1]] for name, values in TABLE.items()}
    runs = read_runs(repeated)
    assert len(runs) == 4
    assert runs.warnings == ("1 run left out: equal to another one in every number, first data row 5.",)
    assert len(read_runs(repeated | {"loss": [*TABLE["loss"], 2.01]})) == 5
    assert len(read_runs(repeated | {"seed": [*TABLE["seed"], 2]})) == 5


def test_read_runs_warns_of_units_that_can_hardly_be_the_same() -> None:
    table = {"real": [1e3, 2e3], "synthetic": [1e9, 2e9], "loss": [3.0, 2.0]}
    assert read_runs(table).warnings == (
        "`real` is usually 1,500 and `synthetic` 1.5 ×10⁹ samples: check that both are counted in the same unit.",
    )
    assert read_runs(table | {"synthetic": [1e7, 2e7]}).warnings == ()


def test_read_runs_doubts_accuracies_but_not_errors() -> None:
    table = {"real": [1e3, 2e3, 4e3, 8e3], "synthetic": [0] * 4, "loss": [0.7, 0.8, 0.85, 0.9]}
    doubted = read_runs(table)
    assert doubted.doubt == "`loss` lies between 0 and 1 and grows with data: if it is an accuracy, give 1 minus it."
    assert doubted.select(np.array([0, 1])).doubt == doubted.doubt
    assert read_runs(table | {"loss": [0.3, 0.2, 0.15, 0.1]}).doubt == ""
    assert read_runs(table | {"loss": [1.3, 1.4, 1.5, 1.6]}).doubt == ""


def test_read_runs_refuses_one_column_for_two_quantities_and_perplexities() -> None:
    table = {"real_tokens": [1e6, 2e6], "synthetic": [0, 0], "ppl": [20.0, 18.0], "loss": [3.0, 2.9]}
    with pytest.raises(InputError, match="`real_tokens` is both `real` and `total`"):
        read_runs(table, columns={"real": "real_tokens", "total": "real_tokens"})
    with pytest.raises(InputError, match="`ppl` holds perplexities, by its name"):
        read_runs(table, columns={"loss": "ppl"})
    assert read_runs(table).loss.tolist() == [3.0, 2.9]


def test_runs_settings_are_shared_by_repeats_only() -> None:
    amounts = {"real": [1, 1, 2, 1], "synthetic": [0, 0, 0, 1], "generator": [np.nan, np.nan, np.nan, 5.0]}
    runs = Runs(loss=np.array([1.0, 2.0, 3.0, 4.0]), **{name: np.array(values) for name, values in amounts.items()})
    settings = runs.settings.tolist()
    assert settings[0] == settings[1]
    assert len(set(settings)) == 3


def test_runs_select_keeps_every_column() -> None:
    runs = read_runs(TABLE)
    for chosen in (runs.select(runs.synthetic > 0), runs.select(np.array([2, 3]))):
        assert chosen.real.tolist() == [4e6, 8e6]
        assert chosen.points.generation is not None
        assert chosen.points.generation.tolist() == [1, 2]
        assert chosen.band_losses["rare"].tolist() == [5.75, 6.0]
        assert chosen.names == ("data row 3", "data row 4")
    assert runs.select(np.array([1, 1])).loss.tolist() == [2.5, 2.5]


def test_runs_refuses_columns_of_other_length() -> None:
    with pytest.raises(InputError, match="`real` must have one entry for each of 2 runs"):
        Runs(real=[1, 2, 3], synthetic=[0, 0], loss=[1.0, 2.0])  # type: ignore[arg-type]


def test_runs_of_nearly_equal_amounts_repeat_one_setting() -> None:
    real = np.array([1e7, 1.0002e7, 2e7, 2.0003e7, 2.01e7])
    runs = Runs(real=real, synthetic=np.zeros(5), loss=np.linspace(2.0, 1.9, 5))
    assert runs.settings.tolist() == [0, 0, 1, 1, 2]
    settings = settings_of(runs)
    assert settings.points.total.tolist() == [1e7, 2e7, 2.01e7]
