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
        assert words in text


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
    assert values["Crossover"] == "3,000 synthetic rows"
    rows = validation_rows(audit_result()).rows
    assert rows[0][2] == "0.5000 ± 0.0080"


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
    assert "labels cost 0.0410 ± 0.0040 of test error and its inputs win back 0.0070 ± 0.0050" in say_damage(result)
    assert "within their 95 % interval" in say_validation(result)
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
