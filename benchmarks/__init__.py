"""What does it cost? Each `bench_<name>.py` holds a function `run` that returns a section of docs/benchmarks.md."""
