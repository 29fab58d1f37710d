"""Which benchmarks run? All, or those named on the command line; their sections go to docs/benchmarks.md."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.page import read_sections, write_page

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all, and write each section as soon as it is there."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"error: unknown benchmark {unknown[0]}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    sections = read_sections(PAGE.read_text()) if PAGE.exists() else {}
    sections = {name: text for name, text in sections.items() if name in known}
    for name in names or known:
        print(f"benchmark {name} ...", flush=True)
        section = import_module(f"benchmarks.bench_{name}").run()
        sections[name] = f"{section.strip()}\n\n{describe_machine()}"
        PAGE.write_text(write_page(sections))
        print(section, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
