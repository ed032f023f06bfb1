# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress lines, the table of kernels and results, the closing line."""

import threading

from . import plan

MARKS = {"ok": "ok", "not ok": "FAIL", "skip": "skip"}


class Report:
    """Results by test and kernel; told of from several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.cells = {}  # (test, series) -> Result
        self.titles = {}  # series -> version
        self.tests = []
        self.tables = {}  # name -> {row -> {(series, column) -> value}}
        self.whole = []  # skips and failures that are no test of their own

    def say(self, text):
        with self.lock:
            print(text, flush=True)

    def expect(self, tests):
        """Names the rows of the table, in their order."""
        self.tests += [test for test in tests if test not in self.tests]

    def whole_skip(self, name, reason):
        self.whole.append((name, "skip", reason))
        self.say(f"# {name} is left out: {reason}")

    def whole_failure(self, name, reason):
        self.whole.append((name, "not ok", reason))
        self.say(f"# {name} failed: {reason}")

    def add(self, series, result):
        with self.lock:
            self.cells[result.test, series] = result
        title = self.titles.get(series, series)
        if result.verdict == "not ok":
            self.say(f"# {title} {result.test} failed: {result.reason}")
        if result.unstable:
            self.say(f"# {title} {result.test} failed first: {result.unstable}")

    def add_cell(self, series, name, value):
        """Of a table of its own; `name` is TABLE/COLUMN/ROW."""
        table, column, row = name.split("/", 2)
        with self.lock:
            cells = self.tables.setdefault(table, {}).setdefault(row, {})
            cells[series, column] = value

    def own_table(self, name):
        rows = self.tables[name]
        series = list(self.titles)
        columns = sorted({key for row in rows.values() for key in row},
                         key=lambda key: (series.index(key[0]), key[1]))  # fmt: skip
        width = max(len(row) for row in rows)
        wide = [max([len(row.get(c, "")[:16]) for row in rows.values()] + [len(c[1])])
                for c in columns]  # fmt: skip
        lines = []
        for head in (lambda c: c[0], lambda c: c[1]):
            cells = [head(c).ljust(w) for c, w in zip(columns, wide)]
            lines.append("  ".join([" " * width] + cells).rstrip())
        for row, cells in rows.items():
            found = [cells.get(c, "-")[:16].ljust(w) for c, w in zip(columns, wide)]
            lines.append("  ".join([row.ljust(width)] + found).rstrip())
        return "\n".join([f"{name}:"] + lines)

    def table(self, series, tests):
        width = max([len(test) for test in tests] + [4])
        columns = [max(len(self.titles[s]), 12) for s in series]
        lines = [
            "  ".join(
                [" " * width]
                + [self.titles[s].rjust(c) for s, c in zip(series, columns)]
            )
        ]
        for test in tests:
            row = [test.ljust(width)]
            for name, column in zip(series, columns):
                result = self.cells.get((test, name))
                text = "-"
                if result:
                    text = MARKS[result.verdict]
                    if result.verdict != "skip":
                        text += f" {result.seconds:5.1f} s"
                row.append(text.rjust(column))
            lines.append("  ".join(row))
        return "\n".join(lines)

    def groups(self):
        """[kernels], [tests that ran on any of them]: a table for each architecture."""
        found = {}
        for test in self.tests:
            ran = tuple(key for key in self.titles if (test, key) in self.cells)
            arch = {key.partition("-")[2] for key in ran}
            if arch:
                found.setdefault(min(arch), []).append(test)
        return [
            ([key for key in self.titles if key.partition("-")[2] == arch], tests)
            for arch, tests in found.items()
        ]

    def results(self):
        """(name for the reader, result), in the table's order."""
        for test in self.tests:
            for series, title in self.titles.items():
                if (test, series) in self.cells:
                    yield f"{title} {test}", self.cells[test, series]

    def reasons(self, verdict):
        """(name, reason) of everything that came out so."""
        named = [(name, why) for name, kind, why in self.whole if kind == verdict]
        return named + [
            (name, result.reason)
            for name, result in self.results()
            if result.verdict == verdict
        ]

    def close(self):
        """Print what is left to say; return the exit status."""
        for series, tests in self.groups():
            self.say("\n" + self.table(series, tests) + "\n")
        for name in self.tables:
            self.say("\n  ".join([self.own_table(name), *plan.legend(name)]) + "\n")
        failed, skipped = self.reasons("not ok"), self.reasons("skip")
        for name, reason in failed:
            self.say(f"FAIL: {name}: {reason}")
        for name, result in self.results():
            if result.unstable:
                self.say(f"UNSTABLE: {name}: {result.unstable}")
        for name, reason in skipped:
            self.say(f"SKIP: {name}: {reason}")
        passed = sum(result.verdict == "ok" for result in self.cells.values())
        self.say(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
        return 1 if failed else 0
