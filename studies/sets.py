"""What does each study ask? The table, how it is split, the features, the ridges and the accuracy that is aimed for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studies import tables


@dataclass(frozen=True, kw_only=True)
class Study:
    """One data set, its splits and its mixtures.

    Attributes
    ----------
    name, title : str
    load : callable
        Takes the folder of the data that is not bundled.
    bundled : bool
        Whether the table comes with scikit-learn.
    task : str
        ``"classification"`` or ``"regression"``.
    n_label_train : tuple of int (2,)
        Rows that train the labeller of the weak and of the better synthetic source.
    pool : tuple of int (3,)
        Rows of each source at hand.
    n_holdout : int
        Rows on which errors are forecast and measured.
    smallest, largest : int
        Totals of the mixtures.
    ridges : tuple of float
    features, scale : str
        Options of `modelcollapse.estimation.preparation.prepare`.
    n_splits, n_runs : int
        Random splits of the table, and models trained on fresh rows per mixture and split.
    every : int
        Each split tests every n-th pair of mixture and ridge, in turn; 1 tests all of them on each split.
    n_control_splits : int
        Splits on which the negative controls run too.
    limit : float
        Aim for the median of |forecast/measured − 1|.
    note : str
        What a reader should know about this set.
    """

    name: str
    title: str
    load: Callable[[Path | None], tables.Table]
    bundled: bool
    task: str
    n_label_train: tuple[int, int]
    pool: tuple[int, int, int]
    n_holdout: int
    smallest: int
    largest: int
    ridges: tuple[float, ...]
    features: str = "raw"
    scale: str = "standard"
    n_splits: int
    n_runs: int = 4
    every: int = 1
    n_control_splits: int = 100
    limit: float
    note: str = ""


STUDIES = {
    study.name: study
    for study in (
        Study(
            name="digits",
            title="Handwritten digits, 8 × 8 pixels",
            load=tables.digits,
            bundled=True,
            task="classification",
            n_label_train=(50, 150),
            pool=(250, 250, 120),
            n_holdout=350,
            smallest=60,
            largest=620,
            ridges=(1e-2, 1e-1),
            n_splits=10,
            n_runs=20,
            limit=0.04,
            note="Only 1,797 images exist: few are left to hold out, and mixtures stay small.",
        ),
        Study(
            name="diabetes",
            title="Diabetes patients, 10 measurements",
            load=tables.diabetes,
            bundled=True,
            task="regression",
            n_label_train=(20, 60),
            pool=(50, 50, 30),
            n_holdout=90,
            smallest=20,
            largest=140,
            ridges=(1e-2, 1e-1),
            n_splits=10,
            n_runs=20,
            limit=0.04,
            note="Only 442 patients exist: pools of fifty cannot tell an error more closely than the standard error "
            "that the forecast states.",
        ),
        Study(
            name="cancer",
            title="Breast tumours, 30 measurements",
            load=tables.cancer,
            bundled=True,
            task="classification",
            n_label_train=(15, 40),
            pool=(80, 80, 50),
            n_holdout=100,
            smallest=30,
            largest=200,
            ridges=(1e-2, 1e-1),
            n_splits=10,
            n_runs=20,
            limit=0.04,
            note="Only 569 tumours exist: pools of 80 rows cannot tell an error more closely than the standard error "
            "that the forecast states.",
        ),
        Study(
            name="photograph",
            title="A photograph: one pixel from 40 around it",
            load=tables.photograph,
            bundled=True,
            task="regression",
            n_label_train=(50, 300),
            pool=(2000, 2000, 1000),
            n_holdout=3000,
            smallest=100,
            largest=20_000,
            ridges=(1e-2, 1e-1),
            n_splits=6,
            limit=0.04,
            note="Most pixels continue what is around them; edges do not, and are few: the pool must be large enough "
            "to hold some.",
        ),
        Study(
            name="mnist",
            title="MNIST, 784 raw pixels",
            load=tables.mnist,
            bundled=False,
            task="classification",
            n_label_train=(300, 1000),
            pool=(3000, 3000, 1500),
            n_holdout=2000,
            smallest=300,
            largest=40_000,
            ridges=(1e-3, 1e-2),
            scale="none",
            n_splits=6,
            every=3,
            n_control_splits=2,
            limit=0.015,
        ),
        Study(
            name="mnist-relu",
            title="MNIST, 800 random ReLU features",
            load=tables.mnist,
            bundled=False,
            task="classification",
            n_label_train=(300, 1000),
            pool=(3000, 3000, 1500),
            n_holdout=2000,
            smallest=300,
            largest=40_000,
            ridges=(1e-3, 1e-2),
            features="relu:800",
            scale="none",
            n_splits=6,
            every=3,
            n_control_splits=2,
            limit=0.015,
        ),
        Study(
            name="housing",
            title="Californian housing, tamed columns",
            load=tables.housing,
            bundled=False,
            task="regression",
            n_label_train=(50, 300),
            pool=(300, 300, 200),
            n_holdout=3000,
            smallest=40,
            largest=10_000,
            ridges=(1e-2, 1e-1),
            n_splits=4,
            limit=0.04,
        ),
        Study(
            name="housing-relu",
            title="Californian housing, 300 random ReLU features of tamed columns",
            load=tables.housing,
            bundled=False,
            task="regression",
            n_label_train=(50, 300),
            pool=(800, 800, 400),
            n_holdout=3000,
            smallest=100,
            largest=10_000,
            ridges=(1e-3, 1e-2),
            features="relu:300",
            n_splits=4,
            limit=0.04,
        ),
    )
}
