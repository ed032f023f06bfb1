# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts beside what the Elastic Common Schema publishes."""
import json
import os
import shutil
import subprocess

from harness import ROOT, Daemon, Skip, Zoo, check, same

# Not of ECS, and known to be so; all else that it has not is below members of our own.
OURS = {"event.duration_ns", "container.claimed_by"}
OWN_MEMBERS = {"fd", "system", "loss", "diagnosis", "limit", "advice"}
# What a schema says of a type, and how ECS calls it.
TYPES = {"long": "integer", "keyword": "string", "date": "string", "wildcard": "string",
         "match_only_text": "string"}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def leaves(schema, node, name):
    """(name, JSON type) of all that an alert may have."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    if node.get("type") != "object":
        yield name, node.get("type", "string")
        return
    for key, member in node["properties"].items():
        yield from leaves(schema, member, f"{name}.{key}")


def published():
    rows = [line.split() for line in read("tests/data/ecs/fields").splitlines()
            if not line.startswith("#")]
    return {row[0]: "array" if "array" in row[2:] else TYPES[row[1]] for row in rows}


def test_fields():
    schema = json.loads(read("docs/alert.schema.json"))
    known = published()
    found = dict(pair for key, member in schema["$defs"]["alert"]["properties"].items()
                 if key not in OWN_MEMBERS for pair in leaves(schema, member, key))
    check(len(found) >= 30, found)
    same(sorted(set(found) - set(known) - OURS), [], "fields that ECS has not")
    for name in set(found) & set(known):
        same(found[name], known[name], f"type of {name}")


def test_index_template():
    """What it says of fields of ECS is what ECS says."""
    template = json.loads(read("contrib/elasticsearch/fdwarden.template.json"))
    rows = dict(line.split()[:2] for line in read("tests/data/ecs/fields").splitlines()
                if not line.startswith("#"))

    def mapped(node, name):
        if "properties" not in node:
            yield name, node["type"]
            return
        for key, member in node["properties"].items():
            yield from mapped(member, f"{name}.{key}" if name else key)

    compared = 0
    for name, kind in mapped(template["template"]["mappings"], ""):
        if name.split(".")[0] in OWN_MEMBERS or name in OURS:
            continue
        check(name in rows, f"{name} is not of ECS")
        same(kind, rows[name], f"type of {name} in the template")
        compared += 1
    check(compared >= 5, compared)


def test_host_id():
    """As systemd makes it, and not the machine's own."""
    systemd = shutil.which("systemd-id128")
    if not systemd:
        raise Skip("no systemd-id128")
    done = subprocess.run([systemd, "machine-id", "-a", "5e1b93c40f7a4d26b8e3619d2c847fa5"],
                          capture_output=True, text=True, check=False, timeout=10)
    if done.returncode:
        raise Skip(f"no id of this machine: {done.stderr.strip()}")
    with Daemon() as daemon, Zoo("limit=64", "fill=60", "say=near", "wait") as zoo:
        zoo.expect("near")
        _, alert = daemon.wait(zoo.pid, "fd-warning", 10)
        same(alert["host"]["id"], done.stdout.strip(), "host.id")
    with open("/etc/machine-id", encoding="ascii") as file:
        check(file.read().strip() not in json.dumps(alert), "it tells the machine's own id")
