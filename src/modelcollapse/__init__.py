"""What will synthetic training data do to a model? Heavy modules are imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelcollapse.decisions.audit import MixtureRequest, audit
    from modelcollapse.decisions.audit_result import AuditResult
    from modelcollapse.decisions.diagnose import diagnose
    from modelcollapse.decisions.own_model import OwnModelRequest
    from modelcollapse.decisions.run_fit import fit_runs
    from modelcollapse.decisions.table_audit import audit_tables
    from modelcollapse.decisions.text_audit import audit_text
    from modelcollapse.engines import answer, engines_for
    from modelcollapse.errors import InputError, MissingExtraError, ModelCollapseError, NumericalError
    from modelcollapse.estimation.runs import Runs, read_runs
    from modelcollapse.monitoring.gauge import Gauge
    from modelcollapse.monitoring.trainer import CollapseMonitor as CollapseMonitor
    from modelcollapse.problems.classes import Classes, ClassSource
    from modelcollapse.problems.files import load_problem, save_problem
    from modelcollapse.problems.gaussian import GaussianChain
    from modelcollapse.problems.laws import Law
    from modelcollapse.problems.mixture import Mixture, Source
    from modelcollapse.problems.ngrams import NgramChain
    from modelcollapse.problems.poisson import PoissonChain
    from modelcollapse.problems.recursion import Recursion
    from modelcollapse.problems.resampling import Resampling
    from modelcollapse.problems.spectrum import Spectrum
    from modelcollapse.problems.tails import Generator, Memory, Purchase, ZipfTask
    from modelcollapse.problems.teacher import FixedTeacher, RandomTeacher, Shift
    from modelcollapse.problems.tokens import Context, TokenChain
    from modelcollapse.problems.workflow import Curation, Schedule, Workflow
    from modelcollapse.simulation.classes_engine import solve_classes as simulate_classes
    from modelcollapse.simulation.engine import solve as simulate
    from modelcollapse.simulation.engine import solve_sweep as simulate_sweep
    from modelcollapse.simulation.generations_engine import solve_generations as simulate_generations
    from modelcollapse.theory.classes_engine import solve_classes
    from modelcollapse.theory.engine import solve
    from modelcollapse.theory.generations_engine import solve_generations

__version__ = "0.1.0"

_HOME = {
    "AuditResult": "decisions.audit_result",
    "ClassSource": "problems.classes",
    "Classes": "problems.classes",
    "CollapseMonitor": "monitoring",
    "Context": "problems.tokens",
    "Curation": "problems.workflow",
    "FixedTeacher": "problems.teacher",
    "GaussianChain": "problems.gaussian",
    "Gauge": "monitoring.gauge",
    "Generator": "problems.tails",
    "InputError": "errors",
    "Law": "problems.laws",
    "Memory": "problems.tails",
    "MissingExtraError": "errors",
    "Mixture": "problems.mixture",
    "MixtureRequest": "decisions.audit",
    "ModelCollapseError": "errors",
    "NgramChain": "problems.ngrams",
    "NumericalError": "errors",
    "OwnModelRequest": "decisions.own_model",
    "PoissonChain": "problems.poisson",
    "Purchase": "problems.tails",
    "RandomTeacher": "problems.teacher",
    "Recursion": "problems.recursion",
    "Resampling": "problems.resampling",
    "Runs": "estimation.runs",
    "Schedule": "problems.workflow",
    "Shift": "problems.teacher",
    "Source": "problems.mixture",
    "Spectrum": "problems.spectrum",
    "TokenChain": "problems.tokens",
    "Workflow": "problems.workflow",
    "ZipfTask": "problems.tails",
    "answer": "engines",
    "audit": "decisions.audit",
    "audit_tables": "decisions.table_audit",
    "audit_text": "decisions.text_audit",
    "diagnose": "decisions.diagnose",
    "engines_for": "engines",
    "fit_runs": "decisions.run_fit",
    "load_problem": "problems.files",
    "read_runs": "estimation.runs",
    "save_problem": "problems.files",
    "simulate": "simulation.engine:solve",
    "simulate_classes": "simulation.classes_engine:solve_classes",
    "simulate_generations": "simulation.generations_engine:solve_generations",
    "simulate_sweep": "simulation.engine:solve_sweep",
    "solve": "theory.engine",
    "solve_classes": "theory.classes_engine",
    "solve_generations": "theory.generations_engine",
}

# `CollapseMonitor` is left out: without the extra `train`, importing all names would fail.
__all__ = [
    "AuditResult",
    "ClassSource",
    "Classes",
    "Context",
    "Curation",
    "FixedTeacher",
    "Gauge",
    "GaussianChain",
    "Generator",
    "InputError",
    "Law",
    "Memory",
    "MissingExtraError",
    "Mixture",
    "MixtureRequest",
    "ModelCollapseError",
    "NgramChain",
    "NumericalError",
    "OwnModelRequest",
    "PoissonChain",
    "Purchase",
    "RandomTeacher",
    "Recursion",
    "Resampling",
    "Runs",
    "Schedule",
    "Shift",
    "Source",
    "Spectrum",
    "TokenChain",
    "Workflow",
    "ZipfTask",
    "__version__",
    "answer",
    "audit",
    "audit_tables",
    "audit_text",
    "diagnose",
    "engines_for",
    "fit_runs",
    "load_problem",
    "read_runs",
    "save_problem",
    "simulate",
    "simulate_classes",
    "simulate_generations",
    "simulate_sweep",
    "solve",
    "solve_classes",
    "solve_generations",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'modelcollapse' has no attribute {name!r}")
    module, _, other_name = _HOME[name].partition(":")
    return getattr(import_module(f"modelcollapse.{module}"), other_name or name)


def __dir__() -> list[str]:
    return sorted(__all__)
