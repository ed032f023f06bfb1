# SPDX-License-Identifier: GPL-2.0-or-later
"""Leaks at one line of a coroutine, which another one awaits: leak_async.py COUNT"""
import asyncio
import sys


class Cache:
    async def load(self):
        await asyncio.sleep(0)
        return open("/dev/null", "rb")  # LEAK


async def handle(cache, kept):
    kept.append(await cache.load())


async def churn():
    while True:
        with open("/dev/null", "rb"):
            await asyncio.sleep(0.0005)


async def main():
    loop, cache, kept = asyncio.get_running_loop(), Cache(), []
    others = [asyncio.create_task(churn()) for _ in range(2)]
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    await asyncio.gather(*(handle(cache, kept) for _ in range(int(sys.argv[1]))))
    print("done", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    for other in others:
        other.cancel()


asyncio.run(main())
