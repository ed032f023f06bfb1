# SPDX-License-Identifier: GPL-2.0-or-later
"""What contrib/prometheus ships: rules, their tests, and the dashboard, beside what is served."""
import json
import os
import re
import subprocess

from harness import Skip, check, same, tool, wait_until
from test_metrics import ask, daemon, free_port

SHIPPED = os.path.join(os.path.dirname(__file__), "../../contrib/prometheus")
NAME = re.compile(r"\b(?:fdwarden|process)_[a-z_]+\b")


def run(*command, text=None, environment=None):
    done = subprocess.run(command, cwd=SHIPPED, capture_output=True, text=True, timeout=300,
                          check=False, input=text, env={**os.environ, **(environment or {})})
    same(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")


def served():
    """The metrics as they are served."""
    port = free_port()
    with daemon(port):
        wait_until(lambda: ask(port)[0].status == 200, 10, "figures")
        return ask(port)[1]


def test_rules():
    promtool = tool("promtool")
    run(promtool, "check", "rules", "fdwarden.rules.yml")
    run(promtool, "test", "rules", "fdwarden.rules.test.yml")


def test_metrics_as_promtool_wants_them():
    run(tool("promtool"), "check", "metrics", text=served())


def test_alertmanager_example():
    run(tool("amtool"), "check-config", "alertmanager.yml")


def test_names_are_served():
    """A rule or a panel over a name that is not served is silent for ever."""
    known = set(re.findall(r"^# TYPE (\S+)", served(), re.M))
    with open(os.path.join(SHIPPED, "fdwarden.rules.yml"), encoding="utf-8") as file:
        texts = re.findall(r"expr: (?:\|\n)?((?:.|\n)*?)\n +(?:labels|for|- |$)", file.read())
    check(len(texts) >= 10, texts)
    with open(os.path.join(SHIPPED, "fdwarden.dashboard.json"), encoding="utf-8") as file:
        board = json.load(file)
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    shown += [item["query"]["query"] for item in board["templating"]["list"]
              if isinstance(item["query"], dict)]
    check(len(shown) >= 14, shown)
    ids = [panel["id"] for panel in board["panels"]]
    same(len(ids), len(set(ids)), "ids of panels")
    used = {name for text in texts + shown for name in NAME.findall(text)}
    check(len(used) >= 12, used)
    same(sorted(used - known), [], "names that are not served")


def test_one_notification():
    """A service near its limit on most hosts, through the real Prometheus and Alertmanager."""
    prometheus = tool("prometheus")
    try:
        manager = tool("prometheus-alertmanager")
    except Skip:
        manager = tool("alertmanager")
    run(os.path.join(os.path.dirname(__file__), "../bench/fleet"), "--hosts", "8",
        environment={"PROMETHEUS": prometheus, "ALERTMANAGER": manager})
