"""What can be asked from a terminal? Each module beside this one is a command of the same name.

A command module holds one function called `command`, is light to import, and imports what it needs when it runs.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Annotated

import typer

from modelcollapse import __version__
from modelcollapse.cli._program import Program


def main() -> None:
    """Run the command line and exit: 0 answered, 2 bad input, 1 anything else."""
    program()()


def program() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(cls=Program, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=False)
    app.callback()(_options)
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            app.command(module.name.replace("_", "-"))(import_module(f"{__name__}.{module.name}").command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelcollapse {__version__}")
        raise typer.Exit()


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Find out what synthetic training data will do to a model, before training it."""
