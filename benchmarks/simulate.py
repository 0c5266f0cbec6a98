"""The real scheduler on a virtual clock: ``python -m benchmarks.simulate`` (``make simulate``).

Nodes fail and come back, several users in several Contexts have handed in more than the Nodes can
run at once. The same seed gives the same run; only what is measured in real time differs. Every
placement is checked against books of the simulation's own.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc

from benchmarks.simulation.figures import figures
from benchmarks.simulation.load import Setting, nodes, tasks
from benchmarks.simulation.run import Run


def main() -> int:
    """Simulate and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--contexts", type=int, default=5)
    parser.add_argument(
        "--failures", type=float, default=60.0, help="of Nodes, in an hour on the virtual clock"
    )
    parser.add_argument("--seed", type=int, default=1)
    setting = Setting(**vars(parser.parse_args()))
    run = Run(setting, nodes(setting))
    tracemalloc.start()
    wanted = tasks(setting)
    run.submit(wanted)
    memory = tracemalloc.get_traced_memory()[0] / len(wanted)  # with what is noted of it here
    tracemalloc.stop()
    run.go()
    print(figures(run, memory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
