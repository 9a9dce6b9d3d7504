"""A real Postfix of the tests' own: private folders, loopback ports, nothing is ever sent on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.scripted_smtp import free_port, make_certificate

DATA = Path(__file__).resolve().parents[1] / "data" / "postfix"
MAPS = ("recipients", "header_checks", "transport")
SERVICES = ("starttls", "plain", "implicit", "impatient", "stern", "hurried")
_PATIENCE = 20.0
_TRIES = 3  # a port may be taken between finding and using it


def find_postfix() -> str | None:
    """Find the postfix command, which Debian keeps where only root looks."""
    return shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Postfix:
    """A server in a folder of its own, started and stopped at will; its ports stay the same."""

    folder: Path
    ports: dict[str, int]
    _master: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def certificate(self) -> Path:
        return self.folder / "conf" / "cert.pem"

    @property
    def log(self) -> str:
        file = self.folder / "mail.log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def start(self) -> None:
        """Start it and come back when it has opened its ports. Raises RuntimeError."""
        command = [f"{_setting('daemon_directory')}/master", "-c", f"{self.folder}/conf", "-d"]
        started = self.log.count(" daemon started -- ")
        with (self.folder / "output").open("ab") as output:
            # A process group of its own: at its end master ends the whole of it.
            self._master = subprocess.Popen(command, stderr=output, start_new_session=True)
        self._wait(lambda: self.log.count(" daemon started -- ") > started)

    def stop(self) -> None:
        if self._master is None:
            return
        with suppress(ProcessLookupError):
            self._master.send_signal(signal.SIGTERM)
        try:
            self._master.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._master.kill()
            self._master.wait(_PATIENCE)
        self._master = None

    def treat(self, recipients: str) -> None:
        """Give it another table of recipients, beginning with the next connection."""
        (self.folder / "conf" / "recipients").write_text(recipients, "utf-8")
        self.stop()
        self.start()

    def arrived(self, count: int) -> list[bytes]:
        """Wait for this many letters in the mailbox and a moment of rest; give them all."""
        self._wait(lambda: len(self._letters()) >= count and not self._queued())
        return [path.read_bytes() for path in self._letters()]

    def empty(self) -> None:
        self._wait(lambda: not self._queued())
        for path in self._letters():
            path.unlink()

    def connections(self) -> int:
        """Count the connections it has taken since it was made."""
        return sum(": connect from " in line for line in self.log.splitlines())

    def _letters(self) -> list[Path]:
        return sorted((self.folder / "mail" / "new").glob("*"))

    def _queued(self) -> bool:
        queues = ("incoming", "active", "deferred")
        return any(
            path.is_file()
            for queue in queues
            for path in (self.folder / "queue" / queue).rglob("*")
        )

    def _wait(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            if self._master is None or self._master.poll() is not None:
                raise RuntimeError(f"postfix ended: {self._words()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"postfix does not get on: {self._words()}")
            time.sleep(0.02)

    def _words(self) -> str:
        return (self.folder / "output").read_text("utf-8", "replace") + self.log[-2000:]


@contextmanager
def running_postfix() -> Iterator[Postfix]:
    """Run a server for the block; it is ended and forgotten afterwards, whatever happens."""
    # Not pytest's folder: the mailbox's owner, who is not root, must get in.
    with tempfile.TemporaryDirectory(prefix="digest-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # its processes have several users
        _furnish(folder)
        postfix = _started(folder)
        try:
            yield postfix
        finally:
            postfix.stop()


def _started(folder: Path) -> Postfix:
    for left in reversed(range(_TRIES)):
        postfix = Postfix(folder, {service: free_port() for service in SERVICES})
        text = (DATA / "master.cf").read_text("utf-8").format(**postfix.ports)
        _write_old(folder / "conf" / "master.cf", text)
        try:
            postfix.start()
        except RuntimeError:
            postfix.stop()
            if not left:
                raise
        else:
            return postfix
    raise AssertionError


def _furnish(folder: Path) -> None:
    """Write the settings and make the folders that `postfix start` would make."""
    import pwd  # noqa: PLC0415 - Windows has none, and no Postfix either

    owner, nobody = pwd.getpwnam(_setting("mail_owner")), pwd.getpwnam("nobody")
    conf = folder / "conf"
    conf.mkdir()
    make_certificate(conf)
    for name in MAPS:
        shutil.copy(DATA / name, conf)
    settings = (DATA / "main.cf").read_text("utf-8")
    filled = settings.format(
        folder=folder,
        commands=_setting("command_directory"),
        daemons=_setting("daemon_directory"),
        uid=nobody.pw_uid,
        gid=nobody.pw_gid,
    )
    _write_old(conf / "main.cf", filled)
    _folder(folder / "mail", nobody.pw_uid, 0o700)
    _folder(folder / "data", owner.pw_uid, 0o700)
    _folder(folder / "queue", 0, 0o755)
    _folder(folder / "queue" / "pid", 0, 0o755)
    for name in (
        *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
        *("maildrop", "private", "public", "saved", "trace"),
    ):
        _folder(folder / "queue" / name, owner.pw_uid, 0o700)


def _write_old(path: Path, text: str) -> None:
    """Write settings that look an hour old: Postfix waits until nobody may be writing them."""
    path.write_text(text, "utf-8")
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))


def _folder(path: Path, owner: int, mode: int) -> None:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, -1)


def _setting(name: str) -> str:
    """Ask this Postfix how it was built; the machine's own settings are not read."""
    command = find_postfix() or "postfix"
    postconf = str(Path(command).with_name("postconf"))
    return subprocess.check_output([postconf, "-dh", name], text=True).strip()
