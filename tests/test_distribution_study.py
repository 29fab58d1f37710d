"""Do trials of planted collapse tell a right audit from a wrong one, go on where they stopped, plant what they say?"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
THRESHOLD = 5
"""Standard errors."""


# A world of means: one plant moves the mean by a standard deviation, seven standard errors of a hundred draws.


def toy_start(generator: np.random.Generator, folder: Path | None) -> tuple[Any, float]:
    return generator.standard_normal(100), 1.0


def toy_draw(scale: float, generator: np.random.Generator, *, shift: float) -> Any:
    return scale * generator.standard_normal(100) + shift


def toy_judge(real: Any) -> Callable[[Any], dict[str, Any]]:
    def compare(synthetic: Any) -> dict[str, Any]:
        p_value = min(1.0, float(100 * norm.sf(abs(synthetic.mean() - real.mean()) / np.sqrt(2 / 100))))
        return {"p_value": p_value, "findings": {"mean": 1} if p_value <= 0.05 else {}, "first": [], "cuts": {}}

    return compare


def blind_judge(real: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda synthetic: {"p_value": 1.0, "findings": {}, "first": [], "cuts": {}}


def nervous_judge(real: Any) -> Callable[[Any], dict[str, Any]]:
    return lambda synthetic: {"p_value": 0.005, "findings": {"mean": 1}, "first": ["mean"], "cuts": {}}


@pytest.fixture(scope="module")
def toy() -> Any:
    from studies.plants import NOTHING, Plant, World

    return World(
        name="toy",
        title="A toy",
        kind="table",
        plants=(
            Plant(NOTHING, "a second draw", (), partial(toy_draw, shift=0.0)),
            Plant("shift", "the mean moved", ("mean",), partial(toy_draw, shift=1.0)),
        ),
        start=toy_start,
        note="Normal draws.",
    )


def judged(start: Any) -> Any:
    from studies.judges import AUDIT, Judge

    return Judge(AUDIT, "table", "modelcollapse", start)


def run_study(toy: Any, docs: Path, *, trials: int, start: Any = toy_judge, monkeypatch: pytest.MonkeyPatch) -> str:
    from studies import distributions, documents

    monkeypatch.setattr(documents, "WORLDS", (toy,))
    distributions.main(["--trials", str(trials)], docs=docs, worlds=[toy], judges=[judged(start)], n_workers=1)
    return (docs / "validation.md").read_text()


def stored(docs: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((docs / "distributions.json").read_text())["rows"]
    return rows


def test_study_finds_what_is_planted_and_nothing_else(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = run_study(toy, tmp_path, trials=3, monkeypatch=monkeypatch)
    assert "| real against real | ✓ 0 of 3 |" in page
    assert "| shift | ✓ 3 of 3 | 36.8% to 100.0% | 3 (mean) |" in page
    assert "Aims that are missed: none." in page


@pytest.mark.parametrize(
    ("wrong", "missed"),
    [(blind_judge, "toy, shift: found in 0 of 3."), (nervous_judge, "toy, real against real: found in 3 of 3.")],
)
def test_study_marks_a_wrong_audit(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any, missed: str
) -> None:
    page = run_study(toy, tmp_path, trials=3, start=wrong, monkeypatch=monkeypatch)
    assert f"Aims that are missed: {missed}" in page
    assert page.count("✗") == 1


def test_study_goes_on_where_it_stopped(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_study(toy, tmp_path, trials=2, monkeypatch=monkeypatch)
    first = stored(tmp_path)
    path = tmp_path / "distributions.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "rows": first[:-1]}))  # as if stopped within the second trial
    page = run_study(toy, tmp_path, trials=2, monkeypatch=monkeypatch)
    assert [{**row, "seconds": 0} for row in stored(tmp_path)] == [{**row, "seconds": 0} for row in first]
    assert run_study(toy, tmp_path, trials=2, start=pytest.fail, monkeypatch=monkeypatch) == page
    run_study(toy, tmp_path, trials=3, monkeypatch=monkeypatch)
    assert [row["trial"] for row in stored(tmp_path)] == [0, 0, 1, 1, 2, 2]


def test_study_skips_what_is_not_there(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from studies import distributions, documents
    from studies.judges import Judge

    monkeypatch.setattr(documents, "WORLDS", (toy,))
    needy = replace(toy, name="needy", files=("nowhere/data.txt",))
    rival = Judge("rival", "table", "no-such-package-anywhere", pytest.fail)
    distributions.main(["--trials", "1"], docs=tmp_path, worlds=[needy], judges=[rival], n_workers=1)
    told = capsys.readouterr().out
    assert "rival: skipped, is not installed" in told
    assert "needy: skipped, needs --data FOLDER with nowhere/data.txt" in told
    assert not (tmp_path / "distributions.json").exists()


def test_rivals_are_judged_by_their_own_scores_of_real_data() -> None:
    from studies.distribution_page import told_apart

    honest = [0.90, 0.95, 0.97]
    assert told_apart([0.91, 0.96, 0.97], honest) == 0
    assert told_apart([0.89, 0.98, 0.93], honest) == 1  # better than real data is not told apart


def test_recovered_cuts_are_those_within_a_fifth(toy: Any) -> None:
    from studies.distribution_page import recovered

    cut = replace(toy.plants[1], kept=("rank", 100))
    assert recovered([{"cuts": {"rank": kept}} for kept in (80, 120, 79, 121)], cut) == 2
    assert recovered([{"cuts": {"another": 100}}, {"cuts": {}}], cut) == 0


# What is planted in tables, each plant beside a second real draw that must not show it.


def table(plant: str, *, trial: int = 0) -> Any:
    from studies.planted_tables import TABLES, start

    _, law = start(np.random.default_rng(trial), None)
    (made,) = [one.make for one in TABLES.plants if one.name == plant]
    return made(law, np.random.default_rng(100 + trial))


def shows_spread(rows: Any) -> bool:
    spread = rows["x0"].std()
    return abs(spread / 0.9 - rows_spread()) < THRESHOLD * spread / np.sqrt(2 * len(rows)) * np.sqrt(2)


def rows_spread() -> float:
    """Return the standard deviation of the law's first column in trial 0, with its cluster."""
    generator = np.random.default_rng(0)
    towards = generator.standard_normal(6)
    shift = 4 * towards[0] / np.linalg.norm(towards)
    return float(np.sqrt(1 + 0.01 * 0.99 * shift**2))


def shows_lost_levels(rows: Any) -> bool:
    rare = {f"level {rank}" for rank in range(101, 201, 2)}
    return not any(rare & set(rows[name]) for name in ("c0", "c1", "c2", "c3"))


def shows_no_cluster(rows: Any) -> bool:
    generator = np.random.default_rng(0)
    towards = generator.standard_normal(6)
    places = np.arange(6)
    factor = np.linalg.cholesky(0.6 ** np.abs(places[:, None] - places))
    free = np.linalg.solve(factor, rows[[f"x{j}" for j in range(6)]].to_numpy().T).T
    beyond = (free @ (towards / np.linalg.norm(towards)) > 3.5).sum()
    return bool(beyond < 15)  # 2.3 are expected without the cluster, and 69 of it


def shows_clipping(rows: Any) -> bool:
    return bool(((rows[["x0", "x5"]] == rows[["x0", "x5"]].max()).sum() == 100).all())


def shows_weak_correlations(rows: Any) -> bool:
    bulk = rows[(rows[["x4", "x5"]].abs() < 2).all(axis=1)]
    return bool(bulk["x4"].corr(bulk["x5"]) < 0.42)


@pytest.mark.parametrize(
    ("plant", "shows"),
    [
        ("spread × 0.9", shows_spread),
        ("half the rare categories deleted", shows_lost_levels),
        ("1 % cluster removed", shows_no_cluster),
        ("tails clipped", shows_clipping),
        ("correlations × 0.8", shows_weak_correlations),
    ],
)
def test_tables_show_what_is_planted_and_second_draws_do_not(plant: str, shows: Callable[[Any], bool]) -> None:
    assert shows(table(plant))
    assert not shows(table("real against real"))


# What is planted in texts.


@pytest.fixture(scope="module")
def text() -> Any:
    from studies.planted_texts import start_made

    return start_made(np.random.default_rng(0), None, n_tokens=20_000)[1]


def followers(words: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word, after in pairwise(words):
        found.setdefault(word, set()).add(after)
    return found


def test_bigram_generations_lose_words_and_add_none(text: Any) -> None:
    from studies.planted_texts import resampled

    made = [resampled(text, np.random.default_rng(n), generations=n)[0].split() for n in (1, 3)]
    assert [len(words) for words in made] == [20_000, 20_000]
    once, thrice = (set(words) for words in made)
    real = {text.words[number] for number in text.real}
    assert once < real
    assert thrice < real
    assert len(thrice) < 0.8 * len(once) < 0.8 * 0.8 * len(real)


def test_bigram_text_repeats_the_bigrams_of_its_source_as_often(text: Any) -> None:
    from studies.planted_texts import bigram_text

    drawn = bigram_text(text.real, 200_000, np.random.default_rng(1))
    common = np.bincount(text.real).argmax()
    after, learnt = (numbers[1:][numbers[:-1] == common] for numbers in (drawn, text.real))
    follower = np.bincount(learnt).argmax()
    share = (learnt == follower).mean()
    stderr = np.sqrt(share * (1 - share) / len(after))
    assert abs((after == follower).mean() - share) < THRESHOLD * stderr
    assert abs((after == follower).mean() - 2 * share) > THRESHOLD * stderr  # the twin
    assert followers([str(word) for word in drawn])[str(common)] <= {str(word) for word in learnt}


def test_cuts_keep_as_many_tokens_as_they_say(text: Any) -> None:
    from studies.planted_texts import KEPT_FOLLOWERS, KEPT_WORDS, cut_followers, cut_words, further

    def most_followers(make: Any) -> int:
        return max(map(len, followers(make(text, np.random.default_rng(2))[0].split()).values()))

    def words_of(make: Any) -> set[str]:
        return set(make(text, np.random.default_rng(2))[0].split())

    assert most_followers(cut_followers) == KEPT_FOLLOWERS < most_followers(further)
    counted = Counter(text.words[number] for number in text.real)
    least = counted.most_common(KEPT_WORDS)[-1][1]
    commonest = {word for word, count in counted.items() if count >= least}
    assert words_of(cut_words) <= commonest
    assert not words_of(further) <= commonest
    assert KEPT_WORDS / 2 < len(words_of(cut_words)) <= KEPT_WORDS


@pytest.mark.shared
def test_articles_are_split_without_loss() -> None:
    if not (SHARED / "wikitext2" / "raw_test.txt").is_file():
        pytest.skip("needs ../shared/data/wikitext2")
    from studies.planted_texts import FILES, read_articles, start_articles

    articles = [article for name in FILES for article in read_articles(SHARED / name)]
    assert all(article.startswith(" = ") and not article.startswith(" = =") for article in articles if len(article) > 9)
    real, source = start_articles(np.random.default_rng(0), SHARED)
    words = sorted(word for article in articles for word in article.split())
    assert sorted([*real[0].split(), *(source.words[number] for number in source.further)]) == words


def test_pairs_lose_the_beginning_they_share_and_halves_do_not_overlap(tmp_path: Path) -> None:
    from studies.human_and_model import continuations, start_halves

    pairs = {"original": ["a b c d", "e f g"], "sampled": ["a b x y z", "e h"]}
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    found = continuations(tmp_path / "pairs.json")
    assert found.human == ["c d", "f g"]
    assert found.model == ["x y z", "h"]
    real, others = start_halves("pairs.json", np.random.default_rng(0), tmp_path)
    assert sorted(real + others.human) == ["c d", "f g"]
    assert len(others.model) == 1


# The audits themselves, on small data.


def test_audit_of_tables_is_judged_on_a_small_table() -> None:
    from studies.detection import outcomes, tasks
    from studies.judges import AUDIT, JUDGES
    from studies.planted_tables import TABLES, start

    small = replace(TABLES, plants=TABLES.plants[:3], start=partial(start, n_rows=2000))
    judges = [judge for judge in JUDGES if judge.name == AUDIT]
    (task,) = tasks([small], judges, n_trials=1, rows=[])
    nothing, *planted = outcomes(task, None, seed=0)
    assert nothing["p_value"] > 0.05
    assert all(row["p_value"] <= 0.05 for row in planted)
    assert all(plant.topics[0] in row["findings"] for plant, row in zip(small.plants[1:], planted, strict=True))


def test_audit_of_texts_is_judged_on_a_small_text() -> None:
    from studies.detection import outcomes, tasks
    from studies.distribution_page import recovered
    from studies.judges import AUDIT, JUDGES
    from studies.planted_texts import MADE, start_made

    small = replace(MADE, plants=MADE.plants[::4], start=partial(start_made, n_tokens=20_000))
    judges = [judge for judge in JUDGES if judge.name == AUDIT]
    (task,) = tasks([small], judges, n_trials=1, rows=[])
    nothing, cut = outcomes(task, None, seed=0)
    assert nothing["p_value"] > 0.05
    assert cut["p_value"] <= 0.05
    assert recovered([cut], small.plants[1]) == 1


def test_topics_are_those_of_the_audits(text: Any) -> None:
    from studies.audits import TABLE_TOPICS, TEXT_TOPICS

    from modelcollapse.decisions.table_audit import audit_tables
    from modelcollapse.decisions.text_audit import audit_text

    first, second = (table("real against real", trial=trial)[:500] for trial in (0, 1))
    (of_tables,) = audit_tables(first, second, n_splits=19)
    of_texts = audit_text(text.text(text.real), text.text(text.further), n_splits=19)
    assert {finding.topic for finding in of_tables.findings} == set(TABLE_TOPICS)
    assert {finding.topic for finding in of_texts.findings} == set(TEXT_TOPICS)


def test_page_has_the_section_that_its_outcomes_make() -> None:
    from studies.documents import validation_page

    if not (ROOT / "docs" / "distributions.json").exists():
        pytest.skip("no outcomes are there yet")
    page = (ROOT / "docs" / "validation.md").read_text()
    assert page == validation_page(ROOT / "docs")
    assert "## Audits of distributions" in page
    assert "nan" not in page[page.index("## Audits of distributions") :]
    assert sys.modules.get("sdmetrics") is None
