"""A normal client in a separate process: `python -m benchmarks.overload.normal PORT`, until it gets a line."""

import asyncio
import json
import sys
import time

import uvloop

from benchmarks.overload.client import Connection


async def main(port: int) -> None:
    """Send a hundred requests per second until told to stop, and print how long the answers took."""
    loop = asyncio.get_running_loop()
    enough = loop.run_in_executor(None, sys.stdin.readline)
    connection, seconds, failed = Connection(port), [], 0
    while not enough.done():
        began = time.perf_counter()
        try:
            failed += await connection.ask("/") != 200
            seconds.append(time.perf_counter() - began)
        except (OSError, EOFError):
            failed += 1
            connection.close()
        await asyncio.sleep(0.01)
    connection.close()
    print(json.dumps({"seconds": seconds, "failed": failed}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
