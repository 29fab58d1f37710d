"""How does a command end? With an exit code, and at most one line on stderr."""

from __future__ import annotations

import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from modelcollapse.errors import InputError, ModelCollapseError

BAD_INPUT, FAILED, STOPPED = 2, 1, 130


class Program(TyperGroup):
    """A group of commands that turns every error into one line on stderr and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Parse and run, then exit: 0 answered, 2 bad input, 1 anything else."""
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except typer.TyperException as error:  # wrong options and arguments
            code = _explain(error.format_message(), error.exit_code)
        except typer.Abort:
            code = _explain("stopped before the end.", FAILED)
        raise SystemExit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # the public name of the class
        """Run a command; its errors end the program."""
        try:
            return super().invoke(ctx)
        except (typer.TyperException, typer.Abort, typer.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(_explain("stopped before the end.", STOPPED)) from None
        except Exception as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            raise typer.Exit(_exit_code(error)) from None


def _exit_code(error: Exception) -> int:
    """Explain an error on stderr and return its exit code."""
    if isinstance(error, InputError):
        return _explain(str(error), BAD_INPUT)
    if isinstance(error, ModelCollapseError):
        return _explain(str(error), FAILED)
    return _explain(f"{type(error).__name__}: {error} (run `modelcollapse --debug ...` to see where)", FAILED)


def _explain(message: str, code: int) -> int:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code
