# SPDX-License-Identifier: GPL-2.0-or-later
"""What was seen, into a page of the documentation."""

BEGIN = "<!-- tests/programs/run --all --table: begin -->\n"
END = "<!-- end -->\n"


def line(row):
    now = f"{row['now'][0]} → {row['now'][1]}" if row["now"][1] else "not tried"
    if row["prlimit"]:
        now += ", proposed"
    return (f"| {row['name']} {row['version']} | {row['held']} under {row['limit']} | {now} | "
            f"{row['did']} | {row['after']} under {row['limit_after']} |\n")


def write_table(path, rows):
    with open(path, encoding="utf-8") as text:
        page = text.read()
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    # Those that were not tried now stay.
    lines = {text.split()[1]: text for text in rest.split(END)[0].splitlines(True)[2:]}
    lines.update((row["name"].split()[0], line(row)) for row in rows)
    made = ("| Program | Held | With a limit raised while it ran | Proposed for good | "
            "Held after it |\n|---|---|---|---|---|\n")
    made += "".join(lines[name] for name in sorted(lines))
    with open(path, "w", encoding="utf-8") as out:
        out.write(head + BEGIN + made + END + tail)
