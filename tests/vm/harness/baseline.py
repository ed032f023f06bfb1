# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs cost the verifier, beside what they cost before."""

import pathlib

PATH = pathlib.Path(__file__).resolve().parents[1] / "verifier-baseline.txt"
HEAD = """\
# Instructions that the verifier processed: KERNEL SENSOR PROGRAM INSTRUCTIONS
# Renewed by: make verifier-baseline
"""
# More than this is a change that somebody should have meant.
SHARE, SLACK = 1.2, 200


def read():
    found = {}
    if PATH.is_file():
        for line in PATH.read_text().splitlines():
            if line and line[0] != "#":
                series, sensor, program, cost = line.split()
                found[series, sensor, program] = int(cost)
    return found


def costs(report):
    """(series, sensor, program) → cost, as this run has seen it."""
    return {
        (series, sensor, program): int(value)
        for program, cells in report.tables.get("verifier", {}).items()
        for (series, sensor), value in cells.items()
    }


def check(report):
    """Tells the report of every program that has become dearer, or is new."""
    before = read()
    for key, cost in sorted(costs(report).items()):
        name = "verifier: " + " ".join(key)
        if key not in before:
            report.whole_failure(name, f"{cost} instructions, and no baseline: make verifier-baseline")
        elif cost > before[key] * SHARE + SLACK:
            report.whole_failure(
                name, f"{cost} instructions, {before[key]} before; if that is meant: make verifier-baseline"
            )  # fmt: skip


def write(report):
    """Keeps what this run has seen, and what others saw with another kernel or sensor."""
    seen = costs(report)
    run = {key[:2] for key in seen}
    found = {key: cost for key, cost in read().items() if key[:2] not in run} | seen
    lines = [f"{' '.join(key)} {cost}\n" for key, cost in sorted(found.items())]
    PATH.write_text(HEAD + "".join(lines))
