# SPDX-License-Identifier: GPL-2.0-or-later
"""Leaks at one line while others open and close correctly: leak.py COUNT [PER_SECOND]

Says "ready", waits for a line, leaks COUNT, says "done" and waits again. Run by each version of
Python that is known, so in the language as 3.8 has it."""
import os
import socket
import sys
import threading
import time


class Store:
    def __init__(self):
        self.kept = []

    def render(self, number):
        def attach(path):
            self.kept.append(os.open(path, os.O_RDONLY))  # LEAK
        attach("/dev/null" if number % 2 else "/dev/zero")


def use_file():
    with open("/dev/null", encoding="utf-8") as file:
        file.read(1)


def use_socket():
    left, right = socket.socketpair()
    left.close()
    right.close()


def churn():
    while True:
        use_file()
        use_socket()
        time.sleep(0.0005)


def serve(store, numbers, pause):
    for number in numbers:
        store.render(number)
        time.sleep(pause)
        use_file()
        use_socket()


def main():
    count, store = int(sys.argv[1]), Store()
    pause = 4 / float(sys.argv[2]) if len(sys.argv) > 2 else 0
    for _ in range(2):
        threading.Thread(target=churn, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.readline()
    workers = [threading.Thread(target=serve, args=(store, range(at, count, 4), pause))
               for at in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("done", flush=True)
    sys.stdin.readline()


main()
