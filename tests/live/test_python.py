# SPDX-License-Identifier: GPL-2.0-or-later
"""fdwarden trace of programs in Python: the function, its file and line, to the descriptor."""
import os
import resource
import shutil
import subprocess
import sys
import time

from harness import Daemon, Scratch, Skip, check, leaking, note, same
from test_trace import COUNT, Leaker, SOURCES, Trace, check_first, document, line_of, trace_leak

# Debian's own first. FDWARDEN_PYTHONS names more of them.
NAMES = ["/usr/bin/python3"] + [f"python3.{minor}" for minor in range(8, 16)]


def version_of(path):
    try:
        told = subprocess.run([path, "-c", "import sys; print(sys.executable, *sys.version_info)"],
                              capture_output=True, text=True, check=False, timeout=20).stdout
    except OSError:
        return None
    words = told.split()
    return (os.path.realpath(words[0]), f"{words[1]}.{words[2]}") if len(words) > 2 else None


def interpreters():
    """Those that are here, a path and a version each, the first one of each version."""
    found = {}
    for name in NAMES + os.environ.get("FDWARDEN_PYTHONS", "").split():
        path = shutil.which(name)
        known = version_of(path) if path else None
        if known and known[1] not in found:
            found[known[1]] = known[0]
    if not found:
        raise Skip("no Python")
    return [(path, version) for version, path in found.items()]


def is_known(version):
    return (3, 8) <= tuple(map(int, version.split("."))) <= (3, 13)


def script(name):
    return os.path.join(SOURCES, name)


def check_python(told, version, function, source):
    check_first(told, function, source, line_of(source))
    same(told["trace"].get("runtimes"), [{"language": "python", "name": f"Python {version}"}],
         "runtimes")
    site = told["fd"]["call_sites"][0]
    same(site["language"], "python", "language")
    check(not any("python3." in frame.get("module", "").rpartition("/")[2]
                  for frame in site["frames"]),
          f"the interpreter's own frames are left: {site['frames']}")
    return site


def test_threads():
    """Four threads that leak at one line, two that do not; in each version that is known."""
    told_of = []
    for path, version in interpreters():
        if not is_known(version):
            continue
        name = "Store.render.<locals>.attach" if version not in ("3.8", "3.9", "3.10") else "attach"
        with Leaker(path, script("leak.py"), str(COUNT)) as leaker:
            told, _ = trace_leak(leaker)
        site = check_python(told, version, f"^{name}$", "leak.py")
        functions = [frame.get("function") for frame in site["frames"]]
        check(any(function.endswith("serve") for function in functions if function),
              f"its callers: {functions}")
        told_of.append(version)
    note(f"seen: Python {', '.join(told_of)}")
    check(told_of, "no version of those that are here is known")


def test_coroutines():
    path, version = interpreters()[0]
    with Leaker(path, script("leak_async.py"), str(COUNT)) as leaker:
        told, _ = trace_leak(leaker)
    name = "load" if version in ("3.8", "3.9", "3.10") else "Cache.load"
    site = check_python(told, version, f"^{name}$", "leak_async.py")
    check(any(frame.get("function") == "handle" for frame in site["frames"]), "who awaits it")


def test_page():
    path, _ = interpreters()[0]
    with Leaker(path, script("leak.py"), str(COUNT)) as leaker:
        with Trace(leaker.pid) as page:
            leaker.tell()
            leaker.expect("done")
            time.sleep(1)  # for the names, which are asked for in turn
            text = page.end()
    check(f"attach() at {script('leak.py')}:{line_of('leak.py')}\n" in text, f"the page: {text}")
    check("are not named" not in text, f"the page: {text}")


INTERPRETERS = """
import os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
print("ready", flush=True)
sys.stdin.readline()
kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
print("done", flush=True)
sys.stdin.readline()
"""


def test_several_interpreters():
    """A thread's state may be another's: no name is better than a wrong one."""
    path, version = interpreters()[0]
    if version in ("3.8", "3.9"):
        raise Skip("no module for it")
    with Leaker(path, "-c", INTERPRETERS) as leaker:
        told, _ = trace_leak(leaker)
    site = told["fd"]["call_sites"][0]
    check("language" not in site and site["count"] >= COUNT, f"the first site: {site}")
    same(told["trace"]["runtimes"], [{"language": "python",
                                      "unknown_why": "it has several interpreters"}], "runtimes")


def test_after_execve():
    """Another interpreter in the same process, which is traced from before it has begun."""
    path, version = interpreters()[0]
    with Leaker(path, "-c", "import os, sys; print('ready', flush=True); sys.stdin.readline();"
                f"os.execv({path!r}, [{path!r}, {script('leak.py')!r}, '200', '100'])") as leaker:
        with Trace(leaker.pid, "--json") as trace:
            leaker.tell()
            leaker.expect("ready")
            leaker.tell()
            leaker.expect("done")
            time.sleep(0.1)
            told = document(trace.end())
    same(told["trace"].get("runtimes"), [{"language": "python", "name": f"Python {version}"}],
         "runtimes")
    named = [site for site in told["fd"]["call_sites"] if site.get("line") == line_of("leak.py")]
    # Those at its beginning are seen before it is.
    check(named and named[0]["count"] >= COUNT // 2, f"sites: {told['fd']['call_sites']}")


def test_not_python():
    with Leaker(leaking("leak"), str(COUNT)) as leaker:
        told, _ = trace_leak(leaker)
    check("runtimes" not in told["trace"], f"runtimes: {told['trace']}")


# A program of its own that runs in a framework and is started by what is installed in bin.
INSTALLED = {
    "lib/python3.11/site-packages/flask/app.py": "def dispatch(view):\n    return view()\n",
    "lib/python3.11/site-packages/shop/store.py":
        "import io\n\n\ndef attach():\n    return io.open('/dev/null', 'rb')\n",
    "bin/shop": """import sys
sys.path.insert(0, sys.argv[1])
from flask.app import dispatch
from shop.store import attach
print("ready", flush=True)
sys.stdin.readline()
kept = [dispatch(attach) for _ in range(200)]
print("done", flush=True)
sys.stdin.readline()
""",
}


def test_installed_program():
    """What is below site-packages is named where there is nothing else, a framework is not."""
    path, _ = interpreters()[0]
    with Scratch() as scratch:
        for name, content in INSTALLED.items():
            os.makedirs(os.path.dirname(scratch.file(name)), exist_ok=True)
            with open(scratch.file(name), "w", encoding="utf-8") as file:
                file.write(content)
        with Leaker(path, scratch.file("bin/shop"),
                    scratch.file("lib/python3.11/site-packages")) as leaker:
            told, _ = trace_leak(leaker)
    site = told["fd"]["call_sites"][0]
    same((site.get("function"), site.get("line"), site["count"]), ("attach", 5, COUNT),
         "the first site")


def test_daemon_names_the_line():
    path, _ = interpreters()[0]
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    with Daemon("snapshot.interval=200ms", "trace.auto=yes", "trace.duration=3s",
                "thresholds.warn=50%") as daemon:
        with Leaker(path, script("leak.py"), "230", "40", preexec_fn=limit) as leaker:
            leaker.tell()
            daemon.wait_for(lambda d: any(alert["fd"].get("call_sites")
                                          for alert in d.of_unlocked(leaker.pid)),
                            60, "alert with call sites")
            alert = next(alert for alert in daemon.of(leaker.pid, True)
                         if alert["fd"].get("call_sites"))
            site = alert["fd"]["call_sites"][0]
            same((site.get("language"), site.get("line")), ("python", line_of("leak.py")),
                 "the first site")
            check(f"leak.py:{line_of('leak.py')}" in alert["message"],
                  f"the message: {alert['message']}")
            note(alert["message"])


if __name__ == "__main__":
    sys.exit("run by tests/live/run")
