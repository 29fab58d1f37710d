"""Does the command line answer, refuse in one line with the right exit code, and start fast?"""

from __future__ import annotations

import io
import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from modelcollapse import InputError, MissingExtraError, __version__, cli, load_problem, simulate
from modelcollapse.cli import _progress
from modelcollapse.digits import number_text
from modelcollapse.result import PARTS, Result, Status
from modelcollapse.simulation.sampler import Reading

PROBLEM = """
kind = "mixture"
ridge = 0.1

[[sources]]
name = "real"
n_samples = 90
noise_var = 0.2
spectrum = { kind = "isotropic", n_features = 30 }
teacher = { kind = "random" }

[[sources]]
name = "synthetic"
n_samples = 10
shift = { quality = 0.3, shape = "isotropic" }
"""

HEAVY = {"numpy", "scipy", "pandas", "sklearn", "matplotlib", "jinja2", "pyarrow", "torch", "array_api_compat"}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM)
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), list(arguments))
    return result.exit_code, result.stdout, result.stderr


def imported_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has imported after running the command line."""
    code = (
        "import sys\nfrom modelcollapse.cli import main\n"
        f"sys.argv = ['modelcollapse', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["solve", "--help"], ["compare", "--help"]])
def test_cli_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not HEAVY & imported_by(*arguments)


def test_cli_help_check_sees_heavy_imports(problem: str) -> None:
    assert HEAVY & imported_by("solve", problem)


def test_cli_help_lists_every_command() -> None:
    code, out, _ = run("--help")
    assert code == 0
    for path in Path(cli.__file__).parent.glob("[!_]*.py"):
        name = path.stem.replace("_", "-")
        assert name in out
        assert run(name, "--help")[0] == 0


def test_cli_version_names_the_package() -> None:
    assert run("--version") == (0, f"modelcollapse {__version__}\n", "")


def test_solve_prints_one_json_object_whose_parts_add_up(problem: str) -> None:
    code, out, err = run("solve", problem, "--engine", "theory", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    assert sum(answer[part] for part in PARTS) == pytest.approx(answer["excess_risk"], rel=1e-12)
    assert sum(answer[part] for part in PARTS[1:]) != pytest.approx(answer["excess_risk"], rel=1e-12)
    assert answer["test_error"] == pytest.approx(answer["excess_risk"] + 0.2, rel=1e-12)
    assert set(answer["training_error"]) == {"real", "synthetic"}
    assert (answer["status"], answer["engine"], answer["version"]) == ("ok", "theory", __version__)
    assert set(answer["stderr"]) >= {"excess_risk", "test_error", "training_error", *PARTS}
    assert answer["seed"] is None  # theory draws nothing


def test_solve_prints_a_table_with_the_same_numbers(problem: str) -> None:
    answer = json.loads(run("solve", problem, "--json")[1])
    code, out, err = run("solve", problem)
    assert (code, err) == (0, "")
    for name in (*PARTS, "excess_risk", "test_error"):
        (line,) = [line for line in out.splitlines() if f" {name} " in line]
        assert number_text(answer[name]) in line


def test_solve_by_simulation_prints_the_same_keys_with_standard_errors(problem: str) -> None:
    theory = json.loads(run("solve", problem, "--json")[1])
    options = ("--engine", "simulation", "--seed", "3", "--n-replicates", "50", "--json")
    code, out, err = run("solve", problem, *options)
    assert (code, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    assert set(answer) == set(theory)
    assert set(answer["stderr"]) == set(theory["stderr"])
    assert (answer["engine"], answer["status"]) == ("simulation", "ok")
    assert (answer["seed"], answer["n_replicates"]) == (3, 50)
    assert sum(answer[part] for part in PARTS) == pytest.approx(answer["excess_risk"], rel=1e-9)
    assert 0 < answer["stderr"]["excess_risk"] < 0.05 * answer["excess_risk"]
    assert answer["excess_risk"] == pytest.approx(theory["excess_risk"], rel=0.2)
    assert json.loads(run("solve", problem, *options)[1]) == answer
    assert json.loads(run("solve", problem, *options[:-1], "--seed", "4", "--json")[1]) != answer


def test_solve_by_simulation_stops_at_the_relative_standard_error(problem: str) -> None:
    answers = [
        json.loads(run("solve", problem, "--engine", "simulation", "--relative-stderr", error, "--json")[1])
        for error in ("0.01", "0.003")
    ]
    for answer, error in zip(answers, (0.01, 0.003), strict=True):
        assert answer["stderr"]["excess_risk"] <= error * answer["excess_risk"] * (1 + 1e-9)
    assert answers[1]["n_replicates"] > answers[0]["n_replicates"]


def test_solve_by_simulation_prints_values_with_errors(problem: str) -> None:
    options = ("solve", problem, "--engine", "simulation", "--n-replicates", "50")
    answer = json.loads(run(*options, "--json")[1])
    code, out, err = run(*options)
    assert (code, err) == (0, "")
    for name in ("bias", "collapse", "excess_risk", "test_error"):
        (line,) = [line for line in out.splitlines() if f" {name} " in line]
        assert number_text(answer[name], answer["stderr"][name]) in line
        assert "±" in line
    assert "engine: simulation, seed: 0, replicates: 50" in out


INTERRUPTIBLE = """
import signal
import sys
from modelcollapse.cli import _progress, main
signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored, as in what a shell puts into the background
show = _progress.SimulationLine.__call__
def note(self, reading, **given):
    if reading.n_replicates == 8:
        print("started", file=sys.stderr, flush=True)
    show(self, reading, **given)
_progress.SimulationLine.__call__ = note
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [["solve", "--engine", "simulation"], ["solve", "--engine", "simulation", "--json"], ["compare", "--json"]],
    ids=" ".join,
)
def test_ctrl_c_prints_what_there_is(problem: str, arguments: list[str]) -> None:
    command = [sys.executable, "-c", INTERRUPTIBLE, *arguments, problem, "--n-replicates", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "started\n"
        running.send_signal(signal.SIGINT)
        try:
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()
    assert (running.returncode, err) == (130, "")
    assert "interrupted" in out
    if "--json" in arguments:
        answer = json.loads(out)
        simulation = answer if "status" in answer else answer["simulations"]["1"]
        assert simulation["status"] == "interrupted"
        assert simulation["n_replicates"] >= 8
        assert simulation["excess_risk"] > 0


def nothing(problem: object, **_: object) -> Result:
    """Return what a simulation says that was stopped before it could say anything."""
    numbers = dict.fromkeys((*PARTS, "excess_risk", "test_error", "effective_ridge"), math.nan)
    training = {"real": math.nan, "synthetic": math.nan}
    return Result(
        **numbers,
        training_error=training,
        stderr={**numbers, "training_error": training},
        status=Status.INTERRUPTED,
        engine="simulation",
        seed=0,
        n_replicates=0,
        version=__version__,
    )


def test_ctrl_c_before_the_first_estimate_prints_dashes(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelcollapse.simulation.engine.solve", nothing)
    code, out, err = run("solve", problem, "--engine", "simulation")
    assert (code, err) == (130, "")
    assert "nan" not in out
    for name in (*PARTS, "excess_risk", "test_error", "effective_ridge", "training_error of synthetic"):
        assert [line.split()[-2] for line in out.splitlines() if f" {name} " in line] == ["–"]
    assert "status: interrupted, engine: simulation, seed: 0, replicates: 0" in out
    code, out, err = run("solve", problem, "--engine", "simulation", "--json")
    assert (code, err) == (130, "")
    answer = json.loads(out)
    assert answer["status"] == "interrupted"
    assert [answer[name] for name in ("excess_risk", "bias", "n_replicates")] == [None, None, 0]
    assert answer["stderr"]["training_error"] == {"real": None, "synthetic": None}


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (60.0, False)])
def test_simulation_shows_its_estimate_in_a_terminal(
    problem: str, patience: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "PATIENCE", patience)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with _progress.SimulationLine() as line:
        simulate(load_problem(problem), n_replicates=20, report=line)
    with _progress.ProgressLine() as stages:
        stages("reading", 1, 3)
    text = terminal.getvalue()
    assert ("excess_risk" in text and "±" in text and "replicates" in text and "%" in text) == shown
    assert ("reading (1 of 3)" in text) == shown


@pytest.mark.parametrize(
    ("n_replicates", "estimate", "stderr", "size", "words"),
    [
        (0, math.nan, math.nan, 1, "first replicates"),
        (0, math.nan, math.nan, 8, "first replicates at 8 times the size"),
        (2, 0.25, math.inf, 1, "2 replicates"),
        (40, 0.0, 0.0, 1, "40 replicates"),  # a threshold, where there is nothing to estimate
        (40, 0.25, 0.013, 1, "excess_risk 0.250 ± 0.013, 40 replicates"),
        (40, 0.25, 0.013, 2, "excess_risk 0.250 ± 0.013, 40 replicates at 2 times the size"),
    ],
)
def test_simulation_line_shows_estimates_that_have_a_standard_error(
    n_replicates: int, estimate: float, stderr: float, size: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, float | None]] = []
    monkeypatch.setattr(_progress.Line, "show", lambda _, text, *, share: shown.append((text, share)))
    reading = Reading(n_replicates=n_replicates, estimate=estimate, stderr=stderr, share=0.3)
    with _progress.SimulationLine() as line:
        line(reading, size=size)
    assert shown == [(words, 0.3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command"),
        (["slove"], "Did you mean 'solve'"),
        (["--versio"], "--version"),
        (["solve"], "FILE"),
        (["solve", "missing.toml"], "missing.toml cannot be read"),
        (["solve", "problem.yaml"], ".toml or .json"),
        (["solve", "missing.toml", "--engine", "guess"], "guess"),
        (["solve", "missing.toml", "--seed", "0"], "theory draws nothing"),
        (["solve", "missing.toml", "--n-replicates", "9"], "theory draws nothing"),
        (["solve", "missing.toml", "--relative-stderr", "0.1"], "theory draws nothing"),
        (["solve", "missing.toml", "--device", "numpy"], "theory draws nothing"),
        (["solve", "missing.toml", "--engine", "simulation", "--seed", "-1"], "--seed"),
        (["solve", "missing.toml", "--engine", "simulation", "--device", "gpu"], "--device"),
        (["compare", "missing.toml"], "missing.toml cannot be read"),
        (["solve", "missing.toml", "--jsn"], "--json"),
    ],
)
def test_cli_refuses_bad_input_in_one_line(arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_solve_refuses_bad_problem_naming_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM.replace("noise_var", "noise"))
    code, out, err = run("solve", str(path), "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {path}: ")
    assert "unknown key `noise`" in err
    assert "Did you mean `noise_var`" in err


@pytest.mark.parametrize(
    ("error", "expected"),
    [(InputError("a\nb"), 2), (MissingExtraError("install it"), 1), (RuntimeError("bug"), 1), (MemoryError(), 1)],
)
@pytest.mark.parametrize("debug", [False, True])
def test_cli_maps_errors_to_exit_codes(
    monkeypatch: pytest.MonkeyPatch, problem: str, error: Exception, expected: int, debug: bool
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("modelcollapse.theory.engine.solve", fail)
    code, out, err = run(*(["--debug"] if debug else []), "solve", problem)
    assert (code, out) == (expected, "")
    assert err.splitlines()[-1].startswith("error: ")
    assert ("Traceback" in err) == debug
    assert debug or err.count("\n") == 1


def test_cli_runs_as_installed_program(problem: str) -> None:
    program = Path(sys.executable).parent / "modelcollapse"
    done = subprocess.run([program, "solve", problem, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["excess_risk"] > 0
    refused = subprocess.run([program, "solve", problem + "x"], capture_output=True, text=True)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
