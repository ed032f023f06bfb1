# SPDX-License-Identifier: GPL-2.0-or-later
"""Imitated containers of Docker and Podman: their cgroups, with both drivers, and their files."""
import json
import os
import subprocess

from harness import FDWARDEN, Daemon, Scratch, Zoo, check, same, wait_until
from test_claims import FULL, QUICK, Tree, delegated, enters
from test_hostile import USER
from test_metrics import ask, free_port, of_workload, parse

ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def put(scratch, path, document):
    path = os.path.join(scratch.path, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def docker(scratch, place="var/lib/docker"):
    put(scratch, f"{place}/containers/{ID}/config.v2.json",
        {"ID": ID, "Name": "/web", "Config": {"Image": "nginx:1.25"}})


def docker_elsewhere(scratch):
    put(scratch, "etc/docker/daemon.json", {"data-root": "/srv/docker"})
    docker(scratch, "srv/docker")


def podman(scratch, place="var/lib/containers/storage"):
    put(scratch, f"{place}/overlay-containers/containers.json",
        [{"id": ID, "names": ["web"], "image": "0123",
          "metadata": json.dumps({"image-name": "nginx:1.25", "name": "web"})}])


def podman_elsewhere(scratch):
    podman(scratch, "srv/podman")
    os.makedirs(scratch.file("etc/containers"))
    scratch.file("etc/containers/storage.conf",
                 '[storage]\ndriver = "overlay"\ngraphroot = "/srv/podman"\n')


def podman_of_user(scratch):
    """As it is of a user without privileges; his home is his alone."""
    podman(scratch, "home/jane/.local/share/containers/storage")
    os.makedirs(scratch.file("etc"))
    scratch.file("etc/passwd", f"jane:x:{USER}:{USER}::/home/jane:/bin/sh\n")
    home = scratch.file("home/jane")
    for path, _, files in os.walk(home):
        for name in "", *files:
            os.chown(os.path.join(path, name), USER, USER)
    os.chmod(home, 0o700)


def check_names(document, where):
    same(document["container"]["id"], ID, f"id, {where}")
    same(document["container"].get("name"), "web", f"name, {where}: {document['container']}")
    same(document["container"]["image"]["name"], "nginx:1.25", f"image, {where}")


def check_container(cgroup, files, label=ID, make=Tree.make):
    port = free_port()
    with Tree() as tree, Scratch() as scratch:
        at = make(tree, cgroup)
        files(scratch)
        socket = scratch.file("socket")
        with Daemon(*QUICK, f"host.root={scratch.path}", f"metrics.listen=127.0.0.1:{port}",
                    f"socket.path={socket}") as daemon, \
                Zoo("limit=64", "say=begun", "wait", *FULL, preexec_fn=enters(at)) as zoo:
            zoo.expect("begun")

            def shown():
                done = subprocess.run(
                    [FDWARDEN, "ps", "--json", "--socket", socket, str(zoo.pid)],
                    capture_output=True, text=True, timeout=30, check=False)
                found = json.loads(done.stdout)["processes"]
                # The daemon's last look may be from before it began.
                return found[0] if found else {"container": {}}

            # An alert does not wait for a name for long; from here on it is known.
            wait_until(lambda: "name" in shown()["container"], 20, "a name in ps")
            check_names(shown(), "ps")
            zoo.go()
            zoo.expect("open")
            _, alert = daemon.wait(zoo.pid, "fd-warning", 10)
            check_names(alert, "alert")
            check("id" not in alert["host"], "the id of this root is told for the host's")
            wait_until(lambda: of_workload(
                parse(ask(port)[1]), "fdwarden_container_processes", container_id=label,
                container="web", image="nginx:1.25") == 1, 10, "the container in metrics")


def test_docker_of_systemd():
    check_container(f"system.slice/docker-{ID}.scope", docker)


def test_docker_of_cgroupfs():
    check_container(f"docker/{ID}", docker)


def test_podman():
    check_container(f"machine.slice/libpod-{ID}.scope", podman)


def test_docker_elsewhere():
    check_container(f"system.slice/docker-{ID}.scope", docker_elsewhere)


def test_podman_elsewhere():
    check_container(f"machine.slice/libpod-{ID}.scope", podman_elsewhere)


def test_podman_of_a_user():
    check_container(f"user.slice/libpod-{ID}.scope/container", podman_of_user,
                    f"user@{USER}.service/{ID}",
                    lambda tree, cgroup: os.path.join(delegated(tree), cgroup))
