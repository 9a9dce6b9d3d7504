"""Door to the disk's changes: files are watched, and open pages hear of them in their own loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from pathlib import Path

from digest.log import event

_LOG = logging.getLogger(__name__)
_STEP_MS, _GROUP_MS = 10, 60
"""So long nothing more must change, and so long at the most changes are gathered."""

Changed = Callable[[frozenset[Path]], None]


class Changes:
    """Counts what changed, and tells every page that listens; any thread may tell."""

    def __init__(self) -> None:
        """Begin with nothing changed."""
        self.count = 0
        self._listening: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listening)

    def tell(self) -> None:
        """Say that something changed."""
        self.count += 1
        for woken, loop in list(self._listening.items()):
            with contextlib.suppress(RuntimeError):  # its loop has just ended
                loop.call_soon_threadsafe(woken.set)

    async def stream(self) -> AsyncIterator[str]:
        """Give the count at once, and again at every change, as server-sent events.

        Who reads slowly hears of several changes as one.
        """
        woken = asyncio.Event()
        self._listening[woken] = asyncio.get_running_loop()
        try:
            yield f"retry: 500\ndata: {self.count}\n\n"
            while True:
                await woken.wait()
                woken.clear()
                yield f"data: {self.count}\n\n"
        finally:
            self._listening.pop(woken, None)


@contextlib.contextmanager
def watching(
    folders: Collection[Path], files: Collection[Path], *, changed: Changed
) -> Iterator[bool]:
    """Call `changed` with what is saved below these folders, or in these files, until the end.

    Editors save a file by putting another in its place, so its folder is watched for it. Gives
    False where nothing can be watched: then pages are as they were when they are loaded again.
    """
    wanted = frozenset(path.resolve() for path in files)
    groups = [
        (tuple(path for path in folders if path.is_dir()), True, None),
        (tuple({path.parent for path in wanted if path.parent.is_dir()}), False, wanted),
    ]
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=_watch, args=(group, recursive, only, stop, changed), name="watch", daemon=True
        )
        for group, recursive, only in groups
        if group
    ]
    for thread in threads:
        thread.start()
    try:
        yield bool(threads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _watch(
    paths: tuple[Path, ...],
    recursive: bool,  # noqa: FBT001 - a thread's arguments have no names
    only: frozenset[Path] | None,
    stop: threading.Event,
    changed: Changed,
) -> None:
    from watchfiles import watch  # noqa: PLC0415 - only a preview that is served watches

    try:
        for found in watch(
            *paths,
            watch_filter=None,
            debounce=_GROUP_MS,
            step=_STEP_MS,
            stop_event=stop,
            recursive=recursive,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            saved = frozenset(Path(name) for _, name in found if _is_work(Path(name)))
            if told := saved if only is None else saved & only:
                changed(told)
    except OSError as error:  # too many are watched on this machine already
        event(_LOG, "files are not watched", logging.WARNING, error=str(error))


def _is_work(path: Path) -> bool:
    """Tell whether it is no editor's own: a swap file, a backup, a lock."""
    return not (path.name.startswith((".", "#")) or path.name.endswith(("~", ".swp", ".tmp")))
