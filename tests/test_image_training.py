"""Do experiments on images train, resume, measure and forecast as they say?"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, cli
from modelcollapse.problems.image_training import ImageData, ImageTraining, Labeller, RandomFeatures
from modelcollapse.problems.training_files import load_training, training_from_dict

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")

from modelcollapse.decisions.forecast import forecast  # noqa: E402
from modelcollapse.experiments.image_files import read_images  # noqa: E402
from modelcollapse.experiments.image_findings import findings_of, numbers_of  # noqa: E402
from modelcollapse.experiments.image_forecasts import pool_for  # noqa: E402
from modelcollapse.experiments.image_shares import (  # noqa: E402
    n_synthetic_of,
    share_out,
    synthetic_places,
    training_set,
)
from modelcollapse.experiments.kinds import train  # noqa: E402
from modelcollapse.figures.image_training import draw_image_training, image_training_data  # noqa: E402
from modelcollapse.training.networks import train_network  # noqa: E402
from modelcollapse.training.place import Place  # noqa: E402
from modelcollapse.training.random_features import FirstLayer, fit_random_features  # noqa: E402

TINY = {
    "data": {"n_test": 200, "n_pool": 150},
    "labellers": [{"name": "weak", "n_train": 30}, {"name": "better", "n_train": 200, "model": "random_features"}],
    "random_features": {"widths": [300], "ridges": [1e-4, 1e-3]},
    "network": {"widths": [20], "epochs": 10},
    "synthetic_fraction": [0.5],
    "n_samples": [40, 200],
    "n_replicates": 2,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tiny") / "run"
    return folder, train("images", training_from_dict("images", TINY), out=folder, device="cpu")


def test_experiment_measures_every_setting(tiny: Any) -> None:
    _, result = tiny
    settings = [point.setting for point in result.points]
    assert len(settings) == 2 * 3 * 2 + 3 * 2  # sizes × sources × ridges, and as many networks
    assert {each["model"] for each in settings} == {"random_features", "network"}
    for point in result.points:
        assert 0 < point.values["test_error"] < 2
        assert 0 <= point.values["accuracy"] <= 1
        assert point.n_replicates == 2
        assert ("forecast" in point.values) == (point.setting["model"] == "random_features")


def point_of(result: Any, **setting: Any) -> Any:
    """Return the point of a setting."""
    (found,) = [each for each in result.points if setting.items() <= each.setting.items()]
    return found


def right_outputs(kind: str, images: Any, labels: Any, tests: Any, *, replicate: int) -> Any:
    """Return outputs on training and test images, by plain formulas or the network that is documented."""
    experiment = training_from_dict("images", TINY)
    if kind == "network":
        names, place = ("network", replicate, 20, len(labels)), Place("cpu")
        model = train_network(
            images, labels, width=20, how=experiment.network, seed=experiment.seed, names=names, place=place
        )
        with torch.no_grad():
            return [model(torch.from_numpy(each)).numpy() for each in (images, tests)]
    layer = FirstLayer(300, experiment.seed, ("first layer", replicate))
    features, held = (layer.features(each).astype(float) for each in (images, tests))
    weights = np.linalg.solve(features.T @ features + 1e-3 * len(images) * np.eye(300), features.T @ labels)
    return features @ weights, held @ weights


@pytest.mark.parametrize("kind", ["network", "random_features"])
def test_point_is_what_models_of_its_setting_do_on_test_images(kind: str, tiny: Any) -> None:
    folder, result = tiny
    experiment = training_from_dict("images", TINY)
    shares = share_out(read_images(experiment.data), experiment)
    with np.load(folder / "tasks" / "labeller" / "weak.npz") as kept:
        synthetic = kept["labels"]
    tests, truth = shares.pixels[shares.test], shares.labels[shares.test]
    expected: dict[str, list[float]] = {"test_error": [], "accuracy": [], "training_error": []}
    for replicate in (0, 1):
        rows = training_set(shares, n_samples=200, replicate=replicate, seed=experiment.seed).rows
        labels = shares.labels[rows].copy()
        labels[1::2] = synthetic[rows[1::2]]
        fitted, outputs = right_outputs(kind, shares.pixels[rows], labels, tests, replicate=replicate)
        expected["test_error"].append(((outputs - truth) ** 2).sum(axis=1).mean())
        expected["accuracy"].append((outputs.argmax(axis=1) == truth.argmax(axis=1)).mean())
        expected["training_error"].append(((fitted - labels) ** 2).sum(axis=1).mean())
    ridge = {"ridge": 1e-3} if kind == "random_features" else {}
    point = point_of(result, model=kind, labeller="weak", synthetic_fraction=0.5, n_samples=200, **ridge)
    shared = 200 / len(shares.training)
    for name, values in expected.items():
        assert point.values[name] == pytest.approx(np.mean(values), rel=1e-4)
        spread = np.std(values, ddof=1)
        assert point.stderr[name] == pytest.approx(spread * (shared + (1 - shared) / 2) ** 0.5, rel=0.02, abs=1e-6)


def test_numbers_have_the_uncertainty_that_is_known(tiny: Any) -> None:
    folder, result = tiny
    experiment = training_from_dict("images", TINY)
    shares = share_out(read_images(experiment.data), experiment)
    with np.load(folder / "tasks" / "labeller" / "weak.npz") as kept:
        errors = ((kept["labels"] - shares.labels)[shares.test] ** 2).sum(axis=1)
    known = {name.removeprefix("labeller/weak/"): value for name, value in result.stderr.items()}
    assert known["test_error"] == pytest.approx(errors.std(ddof=1) / 200**0.5, rel=1e-6)
    numbers = result.numbers
    width = numbers["labeller/weak/quality_high"] - numbers["labeller/weak/quality_low"]
    assert known["quality"] == pytest.approx(width / 3.29)
    assert np.isnan([known["quality_low"], known["quality_high"], known["forecast/within_band"]]).all()
    assert known["forecast/settings"] == known["quality_ridge"] == 0
    assert result.stderr.keys() == numbers.keys()


def test_experiment_measures_labellers_in_two_ways(tiny: Any) -> None:
    _, result = tiny
    weak, better = (
        {key.split("/")[2]: value for key, value in result.numbers.items() if key.startswith(f"labeller/{name}/")}
        for name in ("weak", "better")
    )
    assert weak["quality_low"] < weak["quality"] < weak["quality_high"]
    assert weak["quality"] > better["quality_high"]
    assert weak["test_error"] > better["test_error"]
    assert better["quality_ridge"] == 1e-4


def test_run_that_is_resumed_has_the_same_result(tiny: Any) -> None:
    folder, result = tiny
    (folder / "tasks" / "random-features" / "1" / "width-300" / "n-40.json").unlink()
    (folder / "tasks" / "network" / "0" / "width-20" / "n-40" / "weak-0.5.json").unlink()
    again = train("images", training_from_dict("images", TINY), out=folder, resume=True, device="cpu")
    assert again.to_dict() == result.to_dict()


def test_table_and_picture_hold_every_point(tiny: Any) -> None:
    _, result = tiny
    data = image_training_data(result)
    assert len(data["points"]) == len(result.points)
    assert list(data["labellers"]["labeller"]) == ["weak", "better"]
    figure = draw_image_training(data)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["300 random features, ridge 0.0001", "networks of width 20, trained whole"]
    assert len(titles) == 3
    figure.canvas.draw()


def test_command_trains_and_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["n_samples = [30, 60]", "n_replicates = 1", "synthetic_fraction = [0.5]", "[network]", "epochs = 2"]
    (tmp_path / "a.toml").write_text("\n".join(["preset = 'small'", *lines, "widths = [5]"]))
    with pytest.raises(SystemExit) as ended:
        cli.program()(["train", "images", str(tmp_path / "a.toml"), "--out", str(tmp_path / "r"), "--json"])
    printed = capsys.readouterr()
    assert not ended.value.code, printed.err
    content = json.loads(printed.out)
    assert content["world"] == "images"
    assert any("takes two sizes and two replicates" in finding for finding in content["findings"])
    assert (tmp_path / "r" / "picture.svg").stat().st_size > 1000


N_POOLS = 40
PROMISED = 0.9


def share_inside(*, width_of_band: float = 1.0, wrong: float = 0.0) -> float:
    """Return how many of `N_POOLS` models, each with pool, images and features of its own, are in their bands.

    Each is trained on digits of which half have labels of a labeller that takes each digit for the next; forecasts may
    be for a fraction that is off by `wrong`, bands wider or narrower than they are.
    """
    inside = []
    for seed in range(N_POOLS):
        experiment = training_from_dict("images", {**TINY, "seed": seed, "data": {"n_test": 400, "n_pool": 300}})
        shares = share_out(read_images(experiment.data), experiment)
        noise = np.random.default_rng(seed).normal(0, 0.1, shares.labels.shape)
        synthetic = {"weak": np.roll(shares.labels, 1, axis=1) + noise}
        n_synthetic = round((0.5 + wrong) * 200)
        pool = pool_for("weak", shares, synthetic, width=300, seed=seed)
        low, high = forecast(pool, n_samples=[200 - n_synthetic, n_synthetic], ridge=1e-3).band
        examples = training_set(shares, n_samples=200, replicate=0, seed=seed)
        fits = fit_random_features(
            examples.pixels,
            examples.labels(synthetic["weak"], 0.5),
            test_images=shares.test_pixels,
            layer=FirstLayer(300, seed, ("test",)),
            ridges=(1e-3,),
            device=torch.device("cpu"),
        )
        middle, half = (low + high) / 2, width_of_band * (high - low) / 2
        inside.append(abs(shares.measured(fits.outputs[0])[0] - middle) <= half)
    return float(np.mean(inside))


def test_forecast_band_holds_measured_errors_of_digits() -> None:
    """Five standard errors of so many pools tell 90 % from 66 % and less."""
    assert share_inside() > PROMISED - 5 * (PROMISED * (1 - PROMISED) / N_POOLS) ** 0.5


@pytest.mark.parametrize("change", [{"width_of_band": 0.5}, {"wrong": 0.15}])
def test_forecast_band_that_is_too_narrow_or_of_a_wrong_fraction_misses_measured_errors(
    change: dict[str, float],
) -> None:
    """The twins."""
    assert share_inside(**change) < PROMISED - 5 * (PROMISED * (1 - PROMISED) / N_POOLS) ** 0.5


def test_images_are_shared_out_once() -> None:
    experiment = training_from_dict("images", TINY)
    shares = share_out(read_images(experiment.data), experiment)
    parts = [shares.test, shares.real_pool, shares.synthetic_pool, shares.labelling, shares.training]
    rows = np.concatenate(parts)
    assert len(rows) == len(set(rows.tolist())) == 1797
    assert [len(part) for part in parts[:4]] == [200, 150, 150, 200]


@pytest.mark.parametrize(("n", "fraction"), [(100, 0.0), (100, 0.25), (7, 0.5), (50, 1.0)])
def test_synthetic_samples_are_as_many_as_asked(n: int, fraction: float) -> None:
    places = synthetic_places(n, fraction)
    assert len(set(places.tolist())) == n_synthetic_of(n, fraction) == round(n * fraction)
    assert not len(places) or (places.min() >= 0 and places.max() < n)


def test_training_sets_of_a_replicate_are_nested_and_mixed() -> None:
    experiment = training_from_dict("images", TINY)
    shares = share_out(read_images(experiment.data), experiment)
    small, large = (training_set(shares, n_samples=n, replicate=0, seed=0) for n in (40, 200))
    assert (large.rows[:40] == small.rows).all()
    synthetic = np.full(shares.labels.shape, 7.0)
    labels = large.labels(synthetic, 0.25)
    assert ((labels == 7).all(axis=1)).sum() == 50
    assert (large.labels(None, 0.0) == shares.labels[large.rows]).all()


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_preset_is_a_whole_description(preset: str) -> None:
    experiment = training_from_dict("images", {"preset": preset})
    assert isinstance(experiment, ImageTraining)
    assert 0.0 in experiment.synthetic_fraction


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"synthetic_fraction": [1.5]}, "synthetic_fraction"),
        ({"n_samples": [2]}, "n_samples"),
        ({"n_samples": 100}, "a list of at least one value"),
        ({"n_samples": [5000]}, "are too few"),
        ({"labellers": [{"name": "a", "n_train": 9}, {"name": "a", "n_train": 9}]}, "different names"),
        ({"labellers": [{"name": "a/b", "n_train": 9}]}, "letters"),
        ({"labellers": [{"name": "real", "n_train": 9}]}, "and not `real`"),
        ({"labellers": [{"name": "a", "n_train": 9, "modle": "network"}]}, "Did you mean `model`"),
        ({"random_features": {"widths": []}, "network": {"widths": []}}, "nothing is to be trained"),
        ({"random_features": {"ridges": [0]}}, "ridges"),
        ({"network": {"epochs": 0}}, "epochs"),
        ({"data": {"path": "nowhere.npz"}}, "no such file or folder"),
        ({"data": {"path": "a", "dataset": "b"}}, "not from both"),
        ({"n_replicate": 3}, "Did you mean `n_replicates`"),
    ],
)
def test_description_that_cannot_be_used_is_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        train("images", training_from_dict("images", change, folder=tmp_path), out=tmp_path / "run", device="cpu")
    assert "\n" not in str(caught.value)


def test_paths_are_found_beside_the_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", X=np.ones((4, 2)), y=[0, 1, 0, 1])
    (tmp_path / "a.toml").write_text("data = {path = 'mine.npz'}\n")
    experiment = load_training("images", tmp_path / "a.toml")
    assert experiment.files() == {"images": tmp_path / "mine.npz"}


def test_numbers_count_single_models_within_their_band() -> None:
    measured = {("a",): [{"test_error": 1.0}, {"test_error": 2.0}], ("b",): [{"test_error": 3.0}]}
    forecasts = {
        ("a",): {"forecast": 1.2, "forecast_low": 0.9, "forecast_high": 1.5},
        ("b",): {"forecast": np.nan, "forecast_low": np.nan, "forecast_high": np.nan},
    }
    numbers = numbers_of(measured, forecasts)
    assert numbers["forecast/within_band"] == 0.5
    assert numbers["forecast/median_ratio"] == pytest.approx(1.25)
    assert (numbers["forecast/settings"], numbers["forecast/not_enough_data"]) == (2, 1)
    assert numbers_of(measured, {}) == {}


def test_findings_name_fractions_at_which_more_data_stop_helping(tiny: Any) -> None:
    _, result = tiny
    found = next(point for point in result.points if "labeller" not in point.setting)
    points = []
    for fraction, labeller, slope in ((0.0, None, 0.5), (0.1, "weak", 0.45), (0.9, "weak", 0.02)):
        for n in (100, 1000, 10_000):
            setting = {**found.setting, "synthetic_fraction": fraction, "labeller": labeller, "n_samples": n}
            setting = {key: value for key, value in setting.items() if value is not None}
            points.append(
                replace(found, setting=setting, values={"test_error": n**-slope}, stderr={"test_error": 1e-4})
            )
    (sentence,) = findings_of(points, {})
    assert "0.9 from weak" in sentence
    assert "0.1 from weak" not in sentence


def test_curves_of_all_kinds_count_as_looked_at(tiny: Any) -> None:
    """A flat end that is sure among two kinds of models is not among four hundred."""
    _, result = tiny
    found = next(point for point in result.points if "labeller" not in point.setting)

    def said(n_kinds: int) -> str:
        points = [
            replace(
                found,
                setting={"model": "network", "width": width, "n_samples": n, "synthetic_fraction": fraction, **labels},
                values={"test_error": n**-slope},
                stderr={"test_error": 0.01 * n**-slope},
                n_replicates=3,
            )
            for width in range(1, n_kinds + 1)
            for fraction, labels, slope in ((0.0, {}, 0.5), (0.9, {"labeller": "weak"}, 0.02))
            for n in (100, 1000, 10_000)
        ]
        return findings_of(points, {})[0]

    assert "0.9 from weak" in said(2)
    assert "0.9 from weak" not in said(400)


def test_flat_ends_are_judged_with_the_freedom_of_few_replicates(tiny: Any) -> None:
    """A curve ten standard errors below half of the slope: sure with thirty replicates, not with two."""
    _, result = tiny
    found = result.points[0]

    def said(n_replicates: int) -> str:
        points = [
            replace(
                found,
                setting={"model": "network", "width": 9, "n_samples": n, "synthetic_fraction": fraction, **labels},
                values={"test_error": n**-slope},
                stderr={"test_error": 0.05 * n**-slope},
                n_replicates=n_replicates,
            )
            for fraction, labels, slope in ((0.0, {}, 0.5), (0.9, {"labeller": "weak"}, 0.02))
            for n in (100, 1000)
        ]
        return findings_of(points, {})[0]

    assert "0.9 from weak" in said(30)
    assert "0.9 from weak" not in said(2)


def test_description_is_plain_data() -> None:
    experiment = ImageTraining(
        data=ImageData(n_test=10, n_pool=10),
        labellers=(Labeller(name="a", n_train=5),),
        random_features=RandomFeatures(widths=(8, 4)),
        synthetic_fraction=(0.5, 0.1),
        n_samples=(20, 10),
    )
    content = asdict(experiment)
    assert content["synthetic_fraction"] == (0.0, 0.1, 0.5)
    assert content["n_samples"] == (10, 20)
    assert content["random_features"]["widths"] == (4, 8)
