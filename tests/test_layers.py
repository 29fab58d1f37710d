"""Do imports only go down? Read from the syntax tree, so that lazy and type-only imports count too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import modelcollapse

ROOT = Path(modelcollapse.__file__).parent
LAYERS = [  # from low to high; what stands on one line stands side by side and may not import each other
    ["errors"],
    ["checks"],
    ["streams"],
    ["digits"],
    ["parallel"],
    ["result"],
    ["problems"],
    ["theory", "simulation", "training"],
    ["engines"],
    ["estimation"],
    ["decisions"],
    ["monitoring"],
    ["experiments"],
    ["figures"],
    ["report"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ARRAYS_ONLY = {"theory", "simulation"}  # only their engine.py and *_engine.py know problems
TYPE_ONLY = {("errors.py", "modelcollapse.result")}  # an error names the type of the result that it carries


def imported_modules(source: str) -> set[str]:
    """Return the dotted names of everything that a source text imports; relative imports start with a dot."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names |= {f"{base}.{alias.name}" for alias in node.names} if base == "modelcollapse" else {base}
    return names


def violations(file: str, source: str) -> list[str]:
    """Return the imports of one file (path below the package) that do not go down."""
    own = file.removesuffix(".py").split("/")[0]
    if own not in LEVEL:
        return [f"{file} belongs to no layer"]
    wrong = []
    for name in sorted(imported_modules(source)):
        parts = name.split(".")
        if name.startswith("."):
            wrong.append(f"{file} imports relatively: {name}")
        if parts[0] != "modelcollapse" or parts[1:] == ["__version__"] or (file, name) in TYPE_ONLY:
            continue
        other = parts[1] if len(parts) > 1 else ""
        if other != own and LEVEL.get(other, len(LAYERS)) >= LEVEL[own]:
            wrong.append(f"{file} imports {name}, which is not below it")
        if own in ARRAYS_ONLY and other == "problems" and not _translates(file):
            wrong.append(f"{file} imports {name}: mathematics takes arrays")
    return wrong


def _translates(file: str) -> bool:
    """Whether a file is where problems become arrays: engine.py, and one like classes_engine.py for each other kind."""
    name = file.rsplit("/", 1)[-1]
    return name == "engine.py" or name.endswith("_engine.py")


FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


@pytest.mark.parametrize("file", FILES)
def test_imports_go_down(file: str) -> None:
    assert violations(file, (ROOT / file).read_text()) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("problems/mixture.py", "from modelcollapse.theory.engine import solve"),
        ("problems/mixture.py", "def f():\n    import modelcollapse.theory.engine"),
        ("problems/mixture.py", "if TYPE_CHECKING:\n    from modelcollapse.theory import engine"),
        ("problems/mixture.py", "from modelcollapse import theory"),
        ("problems/mixture.py", "from modelcollapse import Mixture"),
        ("problems/mixture.py", "import modelcollapse"),
        ("problems/mixture.py", "from ..theory import engine"),
        ("theory/engine.py", "from modelcollapse.simulation.engine import solve"),
        ("theory/mixture.py", "from modelcollapse.problems.mixture import Mixture"),
        ("theory/classes.py", "from modelcollapse.problems.classes import Classes"),
        ("theory/classes_engine.py", "from modelcollapse.simulation.classes_engine import solve_classes"),
        ("checks.py", "from modelcollapse.result import Result"),
        ("decisions/audit.py", "from modelcollapse.report.page import write"),
        ("gadgets.py", "import math"),
    ],
)
def test_imports_go_down_catches_planted_violation(file: str, source: str) -> None:
    assert violations(file, source) != []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("theory/engine.py", "from modelcollapse.problems.mixture import Mixture"),
        ("theory/classes_engine.py", "from modelcollapse.problems.classes import Classes"),
        ("theory/engine.py", "from modelcollapse import __version__"),
        ("theory/mixture.py", "from modelcollapse.theory.fixed_point import solve"),
        ("decisions/audit.py", "from modelcollapse import checks"),
        ("errors.py", "if TYPE_CHECKING:\n    from modelcollapse.result import Result"),
    ],
)
def test_imports_go_down_accepts_what_goes_down(file: str, source: str) -> None:
    assert violations(file, source) == []
