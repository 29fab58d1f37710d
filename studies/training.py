"""What does training show? Writes the evidence of a kind of experiment into the page on training.

`python -m studies.training images|text|arithmetic [--data FOLDER]`: each is a module ``training_<name>`` with a
function ``run(data, work)``, which returns a section in Markdown.
"""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "training.md"
NAMES = ("images", "text", "arithmetic")


def main() -> None:
    """Run the named studies, and put each section into the page as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=NAMES, help="which studies to run; by default all")
    parser.add_argument("--data", type=Path, help="folder with the data that is not bundled")
    parser.add_argument("--work", type=Path, default=Path("training-runs"), help="where the runs are kept and resumed")
    options = parser.parse_args()
    for name in options.names or NAMES:
        section = import_module(f"studies.training_{name}").run(options.data, options.work / name)
        PAGE.write_text(with_section(PAGE.read_text(), name, section))


def with_section(page: str, name: str, section: str) -> str:
    """Return the page with the section between its two marks replaced."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no marks for {name}")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{section.strip()}\n\n{end}", page)


if __name__ == "__main__":
    main()
