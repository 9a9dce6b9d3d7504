"""Debian's smtp-source (package postfix): one transaction after another on kept connections."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys

from bench.send.peers.task import SENDER, Stopwatch, address_of, task


def main() -> int:
    asked = task()
    program = shutil.which("smtp-source")
    if program is None or asked.tls:
        print("smtp-source: not installed, or asked for TLS, which it has not", file=sys.stderr)
        return 1
    command = [
        *(program, "-d", "-4", "-s", str(asked.connections), "-m", str(asked.messages), "-N"),
        *("-F", str(asked.folder / "message.lf"), "-f", SENDER, "-t", address_of(0)),
        f"127.0.0.1:{asked.port}",
    ]
    watch = Stopwatch((resource.RUSAGE_CHILDREN,))
    done = subprocess.run(command, check=False)  # noqa: S603 - the program we are asked to measure
    watch.report(asked.messages if done.returncode == 0 else 0)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
