"""What should be done? What to buy for the money, how much synthetic data to bear, how many generations to go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import print_json
from modelcollapse.cli._picture import Out, check_picture_path, write_picture
from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from modelcollapse.decisions.allowance import MixturePlan
    from modelcollapse.decisions.audit_plan import AuditPlan
    from modelcollapse.decisions.budget import BudgetPlan
    from modelcollapse.decisions.generations_plan import GenerationsPlan
    from modelcollapse.problems.schema import Problem

    Plan = MixturePlan | BudgetPlan | GenerationsPlan | AuditPlan


def command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Problem file, or what audit --json has printed.", show_default=False),
    ],
    *,
    price: Annotated[
        str | None, typer.Option(help="Price of a sample of each source: real=1,synthetic=0.01.", show_default=False)
    ] = None,
    budget: Annotated[float | None, typer.Option(help="What may be spent, in the unit of the prices.")] = None,
    target_error: Annotated[float | None, typer.Option(help="Test error to reach for as little as possible.")] = None,
    at_most: Annotated[
        str | None, typer.Option(help="How many samples there are to buy: real=900; any number of those left out.")
    ] = None,
    factor: Annotated[
        float | None, typer.Option(help="Excess risk to stay within, in units of that of real samples only: 1.1.")
    ] = None,
    out: Out = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of sentences and tables.")
    ] = False,
) -> None:
    """Recommend counts, weights and ridge, or generations, with the reasons, how sure they are, what would change them.

    With prices: the best counts for a budget, or the cheapest for a target error; the counts in the file then play no
    part, and --at-most limits what can be bought. Without: how much synthetic data, or how many generations, keep the
    excess risk within a factor of that of real samples only.
    """
    from modelcollapse.decisions.audit_file import is_audit

    if out is not None:
        check_picture_path(out)
    money = {"--price": price, "--budget": budget, "--target-error": target_error, "--at-most": at_most}
    given = [name for name, value in money.items() if value is not None]
    if factor is not None and given:
        raise InputError(
            f"--factor belongs to a plan without prices; got {given[0]} as well. Leave out one of the two."
        )
    if budget is not None and target_error is not None:
        raise InputError("a plan is made for --budget or for --target-error; got both. Leave out one of the two.")
    if given and (price is None or (budget is None and target_error is None)):
        raise InputError("a plan for money needs --price, and --budget or --target-error. Give these two.")
    plan: Plan
    if is_audit(file):
        if factor is not None:
            raise InputError(f"{file}: an audit is planned with --price and --budget. Leave out --factor.")
        plan = _plan_audit(file, price, budget, target_error, at_most)
    else:
        from modelcollapse.problems.files import load_problem

        problem = load_problem(file)
        if out is not None:
            _check_has_picture(problem, price)
        plan = _plan_problem(problem, price, budget, target_error, at_most, factor)
    if json:
        print_json(plan.to_dict())
    else:
        from modelcollapse.cli._plan_view import print_plan

        print_plan(plan)
    if out is not None:
        _draw(plan, out)


def _plan_audit(
    file: Path, price: str | None, budget: float | None, target_error: float | None, at_most: str | None
) -> AuditPlan:
    """Plan from what an audit has printed."""
    from modelcollapse.cli._mixtures import read_numbers
    from modelcollapse.decisions.audit_file import load_audit
    from modelcollapse.decisions.audit_plan import plan_audit

    if price is None:
        raise InputError(f"{file}: the plan of an audit needs --price, and --budget or --target-error. Give these two.")
    limits = {} if at_most is None else read_numbers("--at-most", at_most)
    return plan_audit(load_audit(file), prices=read_numbers("--price", price), budget=budget,
                      target_error=target_error, at_most=limits)  # fmt: skip


def _check_has_picture(problem: Problem, price: str | None) -> None:
    """Refuse to draw a plan without money and without generations."""
    from modelcollapse.problems.mixture import Mixture

    if isinstance(problem, Mixture) and price is None:
        raise InputError("--out draws what money buys, or generations. Give --price and --budget, or leave it out.")


def _plan_problem(
    problem: Problem,
    price: str | None,
    budget: float | None,
    target_error: float | None,
    at_most: str | None,
    factor: float | None,
) -> MixturePlan | BudgetPlan | GenerationsPlan:
    """Plan for a problem."""
    from modelcollapse.cli._mixtures import read_numbers
    from modelcollapse.decisions.advice import FACTOR
    from modelcollapse.problems.mixture import Mixture
    from modelcollapse.problems.recursion import Recursion

    if isinstance(problem, Mixture) and price is not None:
        from modelcollapse.decisions.budget import plan_budget

        limits = {} if at_most is None else read_numbers("--at-most", at_most)
        return plan_budget(problem, prices=read_numbers("--price", price), budget=budget, target_error=target_error,
                           at_most=limits)  # fmt: skip
    if price is not None:
        raise InputError("prices belong to a mixture without a workflow. Leave out --price, or the workflow.")
    if isinstance(problem, Mixture):
        from modelcollapse.decisions.allowance import plan_mixture

        return plan_mixture(problem, factor=FACTOR if factor is None else factor)
    if isinstance(problem, Recursion):
        from modelcollapse.decisions.generations_plan import plan_generations

        return plan_generations(problem, factor=FACTOR if factor is None else factor)
    raise InputError("plans are made for problems of kind `mixture`, with or without a workflow.")


def _draw(plan: Plan, out: Path) -> None:
    """Write the picture of a plan."""
    from matplotlib.figure import Figure

    from modelcollapse.decisions.allowance import MixturePlan
    from modelcollapse.decisions.generations_plan import GenerationsPlan
    from modelcollapse.figures.horizon import draw_horizon, horizon_data
    from modelcollapse.figures.plan import draw_spending, spending_data

    assert not isinstance(plan, MixturePlan), "refused before it was made"
    if isinstance(plan, GenerationsPlan):
        figure = draw_horizon(horizon_data(plan))
        write_picture(figure, out, name="plan", description="Excess risk by generation, and the line not to cross.")
        return
    axes_figure = draw_spending(spending_data(plan)).figure
    assert isinstance(axes_figure, Figure)
    write_picture(axes_figure, out, name="plan", description="Risk against the share of the money for synthetic data.")
