# SPDX-License-Identifier: GPL-2.0-or-later
"""An imitated node of Kubernetes: cgroups as the kubelet lays them, with both of its drivers,
and what it leaves in /var/log."""
import json
import os
import subprocess

from harness import FDWARDEN, Daemon, Scratch, Zoo, check, same, wait_until
from test_claims import FULL, QUICK, Tree, enters
from test_metrics import ask, free_port, of_workload, parse

UID = "0e51c6f5-1111-2222-3333-444444444444"
ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CGROUPS = {
    "systemd": "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
               f"{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope",
    "cgroupfs": f"kubepods/burstable/pod{UID}/{ID}",
}


def node(scratch):
    """Its root, with one pod's files."""
    for name in f"pods/shop_cart-5d8f_{UID}/web", "containers":
        os.makedirs(os.path.join(scratch.path, "var/log", name))
    os.symlink("/nowhere", os.path.join(scratch.path, "var/log/containers",
                                        f"cart-5d8f_shop_web-{ID}.log"))
    os.chmod(scratch.path, 0o755)
    return scratch.path


def check_names(document, where):
    same(document["orchestrator"]["namespace"], "shop", f"namespace, {where}")
    same(document["orchestrator"]["resource"]["name"], "cart-5d8f", f"pod, {where}")
    same(document["orchestrator"]["resource"]["id"], UID, f"uid, {where}")
    same(document["container"]["name"], "web", f"container, {where}")
    same(document["container"]["id"], ID, f"its id, {where}")


def check_driver(cgroup):
    port = free_port()
    with Tree() as tree, Scratch() as scratch:
        at = tree.make(cgroup)
        socket = scratch.file("socket")
        with Daemon(*QUICK, f"host.root={node(scratch)}", "host.name=node-7",
                    f"metrics.listen=127.0.0.1:{port}", f"socket.path={socket}") as daemon, \
                Zoo(*FULL, preexec_fn=enters(at)) as zoo:
            zoo.expect("open")
            _, alert = daemon.wait(zoo.pid, "fd-warning", 10)
            same(alert["host"]["name"], "node-7", "name of the host")
            check_names(alert, "alert")
            shown = subprocess.run([FDWARDEN, "ps", "--json", "--socket", socket, str(zoo.pid)],
                                   capture_output=True, text=True, timeout=30, check=True)
            check_names(json.loads(shown.stdout)["processes"][0], "ps")
            table = subprocess.run([FDWARDEN, "ps", "--socket", socket, str(zoo.pid)],
                                   capture_output=True, text=True, timeout=30, check=True)
            check("shop/cart-5d8f" in table.stdout, table.stdout)
            wait_until(lambda: of_workload(
                parse(ask(port)[1]), "fdwarden_pod_processes", pod_uid=UID, namespace="shop",
                pod="cart-5d8f") == 1, 10, "the pod in metrics")
            check(of_workload(parse(ask(port)[1]), "fdwarden_container_incidents",
                              container_id=ID, container="web", level="warning") == 1,
                  ask(port)[1])


def test_driver_systemd():
    check_driver(CGROUPS["systemd"])


def test_driver_cgroupfs():
    check_driver(CGROUPS["cgroupfs"])
