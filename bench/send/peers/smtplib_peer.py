"""Python's smtplib, a thread for each connection."""

from __future__ import annotations

import smtplib
import threading
from itertools import count

from bench.send.peers.task import SENDER, Stopwatch, Task, address_of, task


def send(asked: Task, message: bytes, turns: count[int], sent: list[int]) -> None:
    with smtplib.SMTP("127.0.0.1", asked.port, local_hostname="bench.example.org") as smtp:
        if trust := asked.trust:
            smtp.starttls(context=trust)
        while (reader := next(turns)) < asked.messages:
            smtp.sendmail(SENDER, [address_of(reader)], message)
            sent.append(reader)


def main() -> None:
    asked, turns = task(), count()
    message = asked.message
    sent: list[int] = []
    watch = Stopwatch()
    threads = [
        threading.Thread(target=send, args=(asked, message, turns, sent))
        for _ in range(asked.connections)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    watch.report(len(sent))


if __name__ == "__main__":
    main()
