"""What does a terminal show of tails? Tables that fit, what has become of the scaling law, pictures, JSON, errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from modelcollapse import Generator, ZipfTask, cli
from modelcollapse.engines import answer
from modelcollapse.figures.tails import draw_floors, draw_knowledge, draw_scaling, draw_tails, tails_data
from modelcollapse.problems.files import load_problem
from modelcollapse.result import TailsResult
from modelcollapse.simulation import chains_engine

CUT = 'kind = "tails"\nzipf_exponent = 1.5\nn_samples = [100, 1000, 10_000, 100_000]\n[generator]\nrank = 10\n'
GENERATIONS = CUT.replace("rank = 10", "n_samples = 300\ngenerations = 12")
PHENOMENA = {"loss_of_scaling", "shifted_scaling", "unlearned_skills", "grokking"}


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command on a problem's text and returns exit code, stdout and stderr."""

    def run(command: str, text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "problem.toml").write_text(text)
        with pytest.raises(SystemExit) as ended:
            cli.program()([command, str(tmp_path / "problem.toml"), *options])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def solved(task: ZipfTask, **settings: Any) -> TailsResult:
    result = answer(task, **settings)
    assert isinstance(result, TailsResult)
    return result


@pytest.mark.parametrize("engine", ["theory", "simulation"])
def test_solve_shows_errors_floors_and_phenomena_of_tails(run: Any, engine: str) -> None:
    few = ("--n-replicates", "20") if engine == "simulation" else ()
    code, out, _ = run("solve", GENERATIONS, "--engine", engine, *few)
    assert code == 0
    tables = out.split("scaling_exponent")[0].split("Loss of scaling")[0]
    assert max(map(len, tables.splitlines())) <= 80
    for words in ("generation 12", "T = 100,000", "floor", "Loss of scaling:", "Shifted scaling:", "No grokking"):
        assert words in out
    assert f"engine: {engine}" in out


@pytest.mark.parametrize("engine", ["theory", "simulation"])
def test_solve_writes_the_same_numbers_of_tails_as_json(run: Any, engine: str, tmp_path: Path) -> None:
    settings = {"n_replicates": 10, "seed": 3} if engine == "simulation" else {}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    code, out, _ = run("solve", CUT, "--engine", engine, *options, "--json")
    assert code == 0
    printed = json.loads(out)
    result = solved(load_problem(tmp_path / "problem.toml"), engine=engine, **settings)  # type: ignore[arg-type]
    for name in ("test_error", "learned_items", "knowledge", "floor"):
        np.testing.assert_allclose(printed[name], getattr(result, name))
    assert set(printed["phenomena"]) == PHENOMENA
    found = printed["phenomena"]["loss_of_scaling"]
    assert found["found"] is True
    assert found["values"]["plateau"][0] == pytest.approx(result.test_error[1][-1])
    assert printed["phenomena"]["grokking"]["found"] is False


def test_solve_shows_large_and_small_numbers_of_tails_with_powers_of_ten(run: Any) -> None:
    text = (
        CUT.replace("100_000", "1e15").replace("rank = 10", "rank = 1000").replace("1.5", "1.5\nreal_fraction = 1e-3")
    )
    _, out, _ = run("solve", text)
    assert "grokking_time: 31.6 ×10⁶\n" in out
    assert "cut_rank: 1,000\n" in out
    assert "9.4156 ×10⁻⁶" in out
    assert not re.search(r"[0-9]e[-+][0-9]", out)
    _, out, _ = run("solve", GENERATIONS.replace("12", "1"))
    assert "at most" not in out


@pytest.mark.parametrize("engine", ["theory", "simulation"])
@pytest.mark.parametrize(
    "text",
    [
        CUT,
        CUT.replace("1.5", "1.5\nreal_fraction = 0.01"),
        GENERATIONS,
        CUT.replace("rank = 10", "temperature = 0.8"),
        CUT + "[memory]\nn_features = 16\n",
        'output = "bigram"\n' + CUT,
    ],
    ids=["cut", "mixed", "copied", "narrowed", "memory", "bigram"],
)
def test_documentation_names_every_key_of_the_json_of_tails(run: Any, text: str, engine: str) -> None:
    few = ("--n-replicates", "4") if engine == "simulation" else ()
    code, out, _ = run("solve", text, "--engine", engine, *few, "--json")
    assert code == 0
    assert not re.search("NaN|Infinity", out)
    printed, page = json.loads(out), (Path(__file__).parents[1] / "docs" / "tails.md").read_text(encoding="utf-8")
    for key in (*printed, *printed["numbers"]):
        assert f"`{key}`" in page


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_solve_draws_tails(run: Any, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"tails.{ending}"
    assert run("solve", GENERATIONS, "--out", str(picture))[0] == 0
    assert picture.stat().st_size > 1000


def test_solve_interrupted_before_anything_leaves_an_older_picture_of_tails_alone(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chains_engine, "summed_up", interrupted)
    picture = tmp_path / "tails.svg"
    picture.write_text("older")
    code, out, _ = run("solve", CUT, "--engine", "simulation", "--out", str(picture))
    assert code == 130
    assert picture.read_text() == "older"
    assert "there are no numbers" in out


def test_solve_says_which_tails_are_too_large_to_be_simulated(run: Any) -> None:
    code, _, err = run("solve", CUT.replace("100_000", "1e15"), "--engine", "simulation")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    assert "--engine theory" in err
    assert "19 ×10⁹ samples" in err


@pytest.mark.parametrize("line", ["top_p = 0.9", "temperature = 0.9"])
def test_solve_says_what_to_do_with_tails_that_theory_does_not_answer(run: Any, line: str) -> None:
    text = GENERATIONS.replace("generations = 12", line)
    code, _, err = run("solve", text)
    assert code == 2
    assert "Use the simulation: --engine simulation." in err
    assert run("solve", text, "--engine", "simulation", "--n-replicates", "4")[0] == 0
    code, _, err = run("solve", text.replace("100_000", "1e15"))
    assert code == 2
    assert "No engine answers it: simulation draws sets" in err
    assert err.strip().endswith("about 19 ×10⁹ samples): lower `n_samples`.")
    assert "activation" not in err


@pytest.mark.parametrize(
    ("large", "key"),
    [
        ("[generator]\nn_samples = 1_000_000_000_000", "lower `n_samples` of the generator"),
        ("[memory]\nn_features = 1_000_000", "lower `n_features` or `n_samples`"),
    ],
)
def test_simulation_says_which_number_of_tails_to_change(run: Any, large: str, key: str) -> None:
    code, _, err = run("solve", CUT.split("[generator]")[0] + large + "\n", "--engine", "simulation")
    assert code == 2
    assert key in err


def test_compare_tells_of_tails(run: Any) -> None:
    code, out, _ = run("compare", CUT, "--n-replicates", "50")
    assert code == 0
    assert "agree: all" in " ".join(out.split())
    assert "holds at every size" in " ".join(out.split())
    assert "test_error at T = 100000" in " ".join(out.split())


def test_figure_of_tails_draws_every_number_of_few_generations() -> None:
    result = solved(ZipfTask(1.5, [100, 1000, 10_000], generator=Generator(n_samples=100, generations=2)))
    data = tails_data(result)
    scaling, knowledge = draw_scaling(data), draw_knowledge(data)
    assert drawn(scaling) == pytest.approx(np.array(result.test_error))
    assert drawn(knowledge) == pytest.approx(np.array(result.knowledge))
    levels = {float(line.get_ydata()[0]) for line in scaling.lines if len(set(line.get_ydata())) == 1}
    assert levels >= {result.floor[1], result.floor[2]}
    assert (scaling.get_xscale(), scaling.get_yscale()) == ("log", "log")


def test_figure_of_tails_shows_rising_floors_beside_the_linear_bound() -> None:
    result = solved(ZipfTask(1.5, [100, 1000], generator=Generator(n_samples=1000, generations=20)))
    data = tails_data(result)
    assert len(draw_tails(data).axes) == 3
    axes = draw_floors(data)
    by_label = {line.get_label(): np.asarray(line.get_ydata(), dtype=float) for line in axes.lines}
    bound = by_label["linear bound"]
    assert bound == pytest.approx(np.array(result.bounds["floor"].upper))
    assert (bound >= data["floors"]["floor"] - 1e-12).all()
    assert len(draw_scaling(data).get_legend().get_texts()) == 5  # type: ignore[union-attr]


def test_figure_of_tails_says_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(chains_engine, "summed_up", interrupted)
    result = solved(ZipfTask(1.5, [100, 1000], generator=Generator(rank=3)), engine="simulation")
    figure = draw_tails(tails_data(result))
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["not enough data to tell"] * 2


def drawn(axes: Axes) -> np.ndarray[Any, Any]:
    """Return the values of all curves, one row each."""
    return np.array([line.get_ydata() for line in axes.lines if line.get_marker() == "o"], dtype=float)
