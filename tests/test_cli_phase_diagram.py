"""Does `modelcollapse phase-diagram` print its tables, write its picture, and refuse in one line what it cannot?"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from modelcollapse.cli.phase_diagram import FRACTIONS, QUALITIES, SHOWN
from modelcollapse.decisions.data_gain import data_gain
from modelcollapse.decisions.phase_diagram import Effect, isotropic_problem, phase_diagram, power_law_problem
from modelcollapse.figures.phase_diagram import (
    COLOURS,
    WORDS,
    draw_effects,
    draw_gain,
    draw_phase_diagram,
    phase_diagram_data,
)
from modelcollapse.figures.style import Tables
from phase_diagram_worlds import coarse_grids
from test_cli import PROBLEM, run


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    with coarse_grids():
        yield


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM)
    return str(path)


def test_phase_diagram_prints_one_json_object() -> None:
    code, out, err = run("phase-diagram", "--setting", "power_law", "--model", "projections", "--gain", "3", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    diagram = phase_diagram(power_law_problem(), model="projections", synthetic_fractions=FRACTIONS)
    assert answer["diagrams"] == [diagram.to_dict()]
    assert answer["gains"] == [
        data_gain(power_law_problem(), model="projections", qualities=QUALITIES, gain=3.0).to_dict()
    ]
    assert answer["shares"] == [row for quality in QUALITIES for row in diagram.shares(quality)]


@pytest.mark.parametrize("columns", [80, 120])
def test_phase_diagram_prints_shares_and_thresholds(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = run("phase-diagram")
    assert (code, err) == (0, "")
    assert all(len(line) <= columns for line in out.splitlines())
    for model in ("linear", "projections", "network"):
        assert out.count(f"\n {model} ") == 8 + 2, model  # shares, then thresholds
    assert "Synthetic fraction up to which 10 times the data divide the excess risk by 2" in out
    expected = data_gain(isotropic_problem(), model="linear", qualities=QUALITIES, features_per_sample=SHOWN)
    assert f"{expected.synthetic_fraction[1, 0]:.2g}" in out
    assert "nan" not in out


def test_phase_diagram_prints_what_it_says_of_samples_above_the_right_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = run("phase-diagram", "--model", "projections")
    maps, _, _ = out.partition("Synthetic fraction up to which")
    titles = [line for line in maps.splitlines() if "by share of the map" in line]
    assert [title.split(" samples")[0] for title in titles] == ["Fewer", "More"]
    rows = [line.split()[3:] for line in maps.splitlines() if line.startswith(" projections ")]
    assert rows[:4] == [["60%", "0%", "40%", "0%"]] * 4  # they turn at as many samples as width
    assert [row[2] for row in rows[4:]] == ["0%"] * 4  # there is nothing to turn at


def test_phase_diagram_of_a_file_takes_its_quality_and_fraction(problem: str) -> None:
    code, out, _ = run("phase-diagram", problem, "--json")
    assert code == 0
    answer = json.loads(out)
    assert [diagram["model"] for diagram in answer["diagrams"]] == ["linear", "projections", "network"]
    assert {row["quality"] for row in answer["shares"]} == {0.3}
    assert {row["synthetic_fraction"] for row in answer["shares"]} == {0.1}
    assert answer["gains"][0]["quality"] == [0.3]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_phase_diagram_writes_its_picture(ending: str, problem: str, tmp_path: Path) -> None:
    picture = tmp_path / f"picture.{ending}"
    asked = ("phase-diagram", problem, "--model", "projections", "--out", str(picture))
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "by share of the map" in out
    if ending == "svg":
        assert ET.fromstring(picture.read_text(encoding="utf-8")).tag.endswith("svg")
        before = picture.read_bytes()
        run(*asked)
        assert picture.read_bytes() == before
    else:
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gain", "1"], "`gain` must be a number in (1, inf)"),
        (["--out", "picture.gif"], "must be named .svg or .png"),
        (["--out", "nowhere/picture.svg"], "folder that exists"),
        (["--model", "transformer"], "--model"),
        (["--setting", "spiked"], "--setting"),
        (["missing.toml"], "cannot be read"),
        (["{problem}", "--setting", "isotropic"], "--setting belongs to a diagram without a file"),
        (["{clean}"], "a `shift` of positive `quality`"),
        (["{empty}"], "with samples and a `shift`"),
    ],
)
def test_phase_diagram_refuses_in_one_line(arguments: list[str], message: str, problem: str, tmp_path: Path) -> None:
    files = {"problem": problem}
    for name, old, new in (("clean", "quality = 0.3", "quality = 0.0"), ("empty", "n_samples = 10", "n_samples = 0")):
        files[name] = str(tmp_path / f"{name}.toml")
        Path(files[name]).write_text(PROBLEM.replace(old, new))
    code, out, err = run("phase-diagram", *(argument.format(**files) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.fixture(scope="module")
def tables() -> Tables:
    problem = isotropic_problem()
    return phase_diagram_data(
        [phase_diagram(problem, model=model, synthetic_fractions=[0.2]) for model in ("linear", "projections")],
        [data_gain(problem, model=model, qualities=[0.1, 1.0]) for model in ("linear", "projections")],
        qualities=[0.1, 1.0],
    )


def test_figure_draws_every_effect_of_its_table(tables: Tables) -> None:
    table = tables["map"].query("model == 'projections' and quality == 1.0")
    axes = draw_effects(table)
    (mesh,) = axes.collections
    codes = np.asarray(mesh.get_array())
    effects = list(Effect)
    for row in table.itertuples():
        column = np.flatnonzero(np.unique(table["features_per_sample"]) == row.features_per_sample)[0]
        line = np.flatnonzero(np.unique(table["width_per_sample"]) == row.width_per_sample)[0]
        assert effects[int(codes[line, column])] == row.effect
        grows = row.effect in (Effect.AMPLIFIES, Effect.IN_VAIN)
        assert row.effect == Effect.NONE or grows == (row.excess_risk_slope > 0)
    assert set(COLOURS) == set(WORDS) == set(Effect)


def test_slope_of_collapse_in_the_table_is_at_its_quality(tables: Tables) -> None:
    few, many = (tables["map"].query(f"quality == {quality}")["collapse_slope"].to_numpy() for quality in (0.1, 1.0))
    assert np.allclose(few, 0.1 * many, rtol=1e-12, equal_nan=True)


def test_figure_has_a_row_for_each_model_and_names_only_what_it_shows(tables: Tables) -> None:
    figure = draw_phase_diagram(tables)
    assert len(figure.axes) == 2 * 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        WORDS[effect] for effect in Effect if effect in set(tables["map"]["effect"])
    ]
    assert Effect.IN_VAIN not in set(tables["map"]["effect"])


def test_figure_of_thresholds_says_when_there_are_none(tables: Tables) -> None:
    table = tables["gain"].query("model == 'linear'")
    assert len(draw_gain(table).get_lines()) == 2
    unknown = draw_gain(table.assign(synthetic_fraction=np.nan))
    assert not unknown.get_lines()
    assert len(unknown.texts) == 1
