"""Is the report one file that opens anywhere, says what the numbers say, and appears whole or not at all?"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from audit_fixture import audit_result, two_sources, unknown
from modelcollapse import InputError
from modelcollapse.report import page as page_module
from modelcollapse.report.page import render_report, write_report
from modelcollapse.report.sentences import (
    say_curves,
    say_damage,
    say_exchange_rate,
    say_surface,
    say_validation,
    zero_crossings,
)
from modelcollapse.report.summary import forecast_rows, key_numbers, rough_count, validation_rows

FETCHING = {"src", "srcset", "poster", "data", "action", "background"}
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: texts, ids, headings, what it would fetch, and whether all elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []
        self.labels: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            value = value or ""
            if name == "id":
                self.ids.append(value)
            if name == "aria-label" and tag == "svg":
                self.labels.append(value)
            inside = value.startswith(("#", "data:image/png;base64,"))
            if (name in FETCHING or name.endswith("href")) and not inside:
                self.fetched.append(value)
            if name == "style":
                self.fetched += [url for url in re.findall(r"url\(([^)]*)\)", value) if not url.startswith("#")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open and self.open[-1] == "style":
            self.fetched += re.findall(r"@import[^;]*|url\([^#)][^)]*\)", data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


CASES = {
    "regression": audit_result(),
    "classification": audit_result(classification=True),
    "two": two_sources(),
    "unknown": unknown(),
    "bare": audit_result(validation=(), forecasts=(), warnings=(), steps=()),
}


@pytest.mark.parametrize("name", CASES)
def test_report_fetches_nothing_and_runs_no_script(name: str) -> None:
    page = Page(render_report(CASES[name]))
    assert page.fetched == []
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert page.open == []


def test_report_check_sees_what_would_be_fetched() -> None:
    bad = '<img src="http://a/b.png"><p style="background: url(x.png)"></p><style>@import "x.css";</style>'
    assert len(Page(bad).fetched) == 3


@pytest.mark.parametrize("name", CASES)
def test_report_shows_every_figure_with_words_and_unique_ids(name: str) -> None:
    page = Page(render_report(CASES[name]))
    panels = {id_ for id_ in page.ids if id_.startswith("panel-")}
    surfaces = {f"panel-surface-{table.source.replace('+', '-')}" for table in CASES[name].surfaces}
    others = {f"panel-{figure}" for figure in ("curves", "exchange", "damage", "spectrum", "validation")}
    assert panels == surfaces | others
    assert page.tags.count("svg") == page.tags.count("figcaption") == len(panels)
    assert len(page.labels) == len(panels)
    assert all(len(label) > 40 for label in page.labels)
    assert len(page.ids) == len(set(page.ids))


def test_report_says_the_verdict_first_then_its_confidence() -> None:
    result = audit_result(verdict="VERDICT.", confidence="low", confidence_reason="reason given")
    text = render_report(result)
    assert Page(text).text.index("VERDICT.") < Page(text).text.index("Confidence: low. Reason given.")
    assert re.search(r"<h1>VERDICT\.</h1>", text)
    assert text.index("<h1>") < text.index("<h2>")


def test_report_shows_every_part_of_the_result() -> None:
    result = audit_result(classification=True)
    text = Page(render_report(result)).text
    for number in key_numbers(result):
        assert number.name in text
        assert number.value in text
        assert number.meaning in text
    for content in (validation_rows(result), forecast_rows(result)):
        assert all(cell in text for row in content.rows for cell in row)
    for words in (*result.steps, *result.warnings, result.version, "seed 0", "600 real", "200 held out", "3.2 seconds"):
        assert words.replace("`", "") in text
    assert "<code>a &lt; b &amp; c</code>" in render_report(result)


def test_report_escapes_what_the_data_brings() -> None:
    text = render_report(audit_result(verdict="<b>x</b>", warnings=("column `<script>alert(1)</script>`",)))
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<h1>&lt;b&gt;x&lt;/b&gt;</h1>" in text


def test_report_is_the_same_each_time() -> None:
    assert render_report(audit_result()) == render_report(audit_result())


def test_report_names_what_is_unknown_and_prints_no_nan() -> None:
    text = Page(render_report(unknown())).text
    assert text.lower().count("not enough data to tell") > 10
    assert not re.search(r"\b(nan|inf|None)\b", text)


def test_key_numbers_round_by_their_uncertainty() -> None:
    values = {number.name: number.value for number in key_numbers(audit_result())}
    assert values["Label quality c²"] == "0.051 (0.043 to 0.058)"
    assert values["Exchange rate"] == "0.12 (0.05 to 0.19)"
    assert values["Floor, mixture"] == "0.291 (0.286 to 0.296)"
    assert values["Held-out rows"] == "± 0.017"
    assert values["Crossover"] == "3,000 synthetic rows"
    rows = validation_rows(audit_result()).rows
    assert rows[0][2] == "0.500 (0.487 to 0.513)"


def test_key_numbers_say_when_synthetic_rows_hurt_at_once() -> None:
    result = audit_result()

    def said(harmful: float | None) -> str:
        crossover = replace(result.crossover, best_count=0.0, harmful_count=harmful)
        return {n.name: n.meaning for n in key_numbers(replace(result, crossover=crossover))}["Crossover"]

    assert said(0.0) == "at weight 1 they hurt from the first one on"
    assert "none help; beyond 50 worse" in said(50.0)
    assert "none help; never worse" in said(None)


def test_key_numbers_show_the_interval_of_the_equivalent_real_rows() -> None:
    result = audit_result()

    def said(value: float, interval: tuple[float, float]) -> str:
        rate = replace(result.exchange_rate, equivalent_real=value, equivalent_interval=interval)
        numbers = key_numbers(replace(result, exchange_rate=rate))
        return {number.name: number.value for number in numbers}["Synthetic rows in real ones"]

    assert said(230.0, (150.0, 310.0)) == "230 (150 to 310)"
    assert said(230.0, (150.0, np.inf)) == "230 (150 to more than any number seen)"
    assert said(np.inf, (150.0, np.inf)) == "more than any number seen"
    assert said(np.nan, (np.nan, np.nan)) == "not enough data to tell"


def test_key_numbers_keep_large_units_short() -> None:
    result = audit_result()
    dear = replace(result.real_only, test_error=5.39e9, band=(5.1e9, 5.6e9), holdout_stderr=1.5e8)
    rows = {number.name: number for number in key_numbers(replace(result, real_only=dear))}
    assert rows["Test error, real rows only"].value == "5.39 (5.10 to 5.60) ×10⁹"
    assert "root 73,400, in the target's unit" in rows["Test error, real rows only"].meaning
    assert rows["Held-out rows"].value == "± 0.25 ×10⁹"
    assert not any("root" in number.meaning for number in key_numbers(audit_result(classification=True)))


def test_key_numbers_call_no_estimate_of_zero_perfect() -> None:
    result = audit_result()

    def said(**changes: float | tuple[float, float]) -> str:
        quality = {"synthetic": replace(result.quality["synthetic"], **changes)}
        return {n.name: n.meaning for n in key_numbers(replace(result, quality=quality))}["Label quality c²"]

    assert said(relative_interval=(0.01, 0.09)) == "1 to 9 % of the real labels' variance; 0 is perfect"
    assert "1 to 9 times the real" in said(relative_interval=(1.0, 9.0))
    assert "0 to 4 % of" in said(value=0.0, interval=(0.0, 0.01), relative=0.0, relative_interval=(0.0, 0.04))


def test_key_numbers_name_each_of_several_sources() -> None:
    names = [number.name for number in key_numbers(two_sources())]
    assert len(names) == len(set(names))
    assert "Label quality c², synthetic2" in names
    assert "Label quality c²" in [number.name for number in key_numbers(audit_result())]


def test_sentences_follow_the_numbers() -> None:
    result = audit_result()
    assert "lowers the test error by about 8 %" in say_curves(result)
    worse = replace(result, doubled_real=replace(result.doubled_real, test_error=0.5))
    assert "raises the test error by about 68 %" in say_curves(worse)
    same = replace(result, doubled_real=replace(result.doubled_real, test_error=result.real_only.test_error - 1e-4))
    assert "less than can be told" in say_curves(same)
    assert (
        "labels cost 0.041 (0.034 to 0.048) of test error and its inputs make no difference that shows"
        in say_damage(result)
    )
    helpful = replace(result.damage["synthetic"], inputs=-0.02)
    assert "its inputs win back 0.020 (0.012 to 0.028) of" in say_damage(replace(result, damage={"synthetic": helpful}))
    huge = replace(result, doubled_real=replace(result.doubled_real, test_error=12 * result.real_only.test_error))
    assert "makes the test error about 12 times as large" in say_curves(huge)
    assert "within their 90 % interval" in say_validation(result)
    assert "4 of 4" in say_validation(result)
    off = replace(result.validation[0], measured=0.4)
    assert "3 of 4" in say_validation(replace(result, validation=(off, *result.validation[1:])))


def test_sentences_about_the_exchange_rate_follow_the_sign_of_the_curve() -> None:
    result = audit_result()
    rate = result.exchange_rate

    def said(curve: np.ndarray, marginal: float) -> str:
        return say_exchange_rate(replace(result, exchange_rate=replace(rate, curve=curve, marginal=marginal)))

    size = np.ones_like(rate.curve)
    assert "help all the way up to 20,000" in said(size, 0.1)
    assert "hurt from the first one on" in said(-size, -0.1)
    assert "hurts: it is worth −0.10" in said(-size, -0.1)
    (crossing,) = zero_crossings(rate.counts, rate.curve)
    assert f"crosses zero at about {rough_count(crossing)} synthetic rows" in say_exchange_rate(result)


def test_sentences_about_the_surface_name_the_marked_best() -> None:
    result = audit_result()
    assert "about 3,000 synthetic rows at weight 1" in say_surface(result, result.surfaces[0])
    none = replace(result, best=result.real_only)
    assert "without synthetic rows" in say_surface(none, result.surfaces[0])


def test_write_report_makes_one_file(tmp_path: Path) -> None:
    write_report(audit_result(), tmp_path / "report.html")
    (file,) = tmp_path.iterdir()
    assert file.read_text(encoding="utf-8") == render_report(audit_result())
    assert file.stat().st_size < 1_000_000


@pytest.mark.parametrize(("umask", "permissions"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
@pytest.mark.parametrize("replaced", [None, 0o600, 0o666], ids=["new", "private", "open"])
def test_write_report_leaves_the_permissions_of_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, permissions: int, replaced: int | None
) -> None:
    monkeypatch.setattr(page_module, "render_report", lambda _: "page")
    path = tmp_path / "report.html"
    if replaced is not None:
        path.write_text("old")
        path.chmod(replaced)
    before = os.umask(umask)
    try:
        write_report(audit_result(), path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == permissions


def test_write_report_replaces_and_follows_links(tmp_path: Path) -> None:
    target, link = tmp_path / "a.html", tmp_path / "link.html"
    target.write_text("old")
    link.symlink_to(target)
    write_report(audit_result(), link)
    assert link.is_symlink()
    assert "</html>" in target.read_text()


@pytest.mark.parametrize("step", ["render_report", "replace", "write"])
def test_write_report_leaves_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "report.html"
    path.write_text("old")
    owner = {"render_report": page_module, "replace": os, "write": Path}[step]
    monkeypatch.setattr(owner, {"write": "write_text"}.get(step, step), fail)
    with pytest.raises(OSError if step == "render_report" else InputError, match="No space left"):
        write_report(audit_result(), path)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_write_report_refuses_missing_folders_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"folder .*nowhere does not exist\. Create it first"):
        write_report(audit_result(), tmp_path / "nowhere" / "report.html")
    with pytest.raises(InputError, match="this is a folder"):
        write_report(audit_result(), tmp_path)
    assert list(tmp_path.iterdir()) == []
