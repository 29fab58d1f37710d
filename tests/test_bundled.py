"""Is the bundled data real on one side, weakly labelled on the other, and free of shared rows?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from modelcollapse.errors import InputError
from modelcollapse.estimation.bundled import TARGET, diabetes_with_weak_labels, digits_with_weak_labels
from modelcollapse.estimation.preparation import prepare


def test_digits_have_true_labels_on_the_real_side_and_weak_ones_on_the_other() -> None:
    images, labels = load_digits(return_X_y=True)
    truth = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}

    def accuracy(frame: pd.DataFrame) -> float:
        rows = frame.drop(columns=TARGET).to_numpy()
        return float(np.mean([truth[row.tobytes()] == label for row, label in zip(rows, frame[TARGET], strict=True)]))

    real, synthetic = digits_with_weak_labels(seed=0)
    assert (len(real), len(synthetic)) == (873, 874)
    assert accuracy(real) == 1.0
    assert 0.6 < accuracy(synthetic) < 0.95
    assert accuracy(digits_with_weak_labels(seed=0, n_label_train=400)[1]) > accuracy(synthetic)


@pytest.mark.parametrize(
    ("load", "task", "outputs"),
    [(digits_with_weak_labels, "classification", 10), (diabetes_with_weak_labels, "regression", 1)],
)
def test_bundled_tables_are_ready_to_prepare(
    load: Callable[..., tuple[pd.DataFrame, pd.DataFrame]], task: str, outputs: int
) -> None:
    real, synthetic = load(seed=0)
    prepared = prepare(real, [synthetic], target=TARGET)
    assert prepared.task == task
    assert prepared.pools[0].targets.shape[1] == outputs
    assert len(prepared.pools[1]) == len(synthetic)  # nothing is shared
    pd.testing.assert_frame_equal(real, load(seed=0)[0])
    assert not real.equals(load(seed=1)[0])


def test_bundled_data_refuses_a_labeller_without_rows() -> None:
    with pytest.raises(InputError, match="n_label_train"):
        digits_with_weak_labels(seed=0, n_label_train=5)
    with pytest.raises(InputError, match="n_label_train"):
        diabetes_with_weak_labels(seed=0, n_label_train=300)
