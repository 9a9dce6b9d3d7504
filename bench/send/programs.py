"""The sink and the programs of the bench: built or found on this machine, or named as missing."""

from __future__ import annotations

import importlib.util
import ipaddress
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.send.harness import Bench, Program

HERE = Path(__file__).resolve().parent
GO_PLACE = "/usr/local/go/bin"
"""Where Go installs itself; it need not be on the PATH."""
SECONDS = 300
SMTP_SOURCE = "smtp-source -d"
AS_LISTMONK = ("Go as listmonk, 2 actions", "Go as listmonk, every link")


def built(command: Sequence[str], *, folder: Path = HERE) -> str:
    """Run a build; give why it failed, or nothing."""
    done = subprocess.run(  # noqa: S603 - compilers and npm, called with our own words
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode == 0:
        return ""
    told = done.stderr.strip().splitlines() or ["failed"]
    return next((line for line in told if "error" in line.lower()), told[-1])


def the_bench(folder: Path) -> tuple[Bench, str]:
    """Build the sink, with TLS where OpenSSL's headers are; give why it has none, or nothing."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("bench: cc: no C compiler, so no sink (Debian: apt-get install gcc)")
    sink, source = folder / "sink", str(HERE / "sink.c")
    plain = [compiler, "-O2", "-o", str(sink), source]
    without_tls = built([*plain, "-DWITH_TLS", "-lssl", "-lcrypto"])
    if not without_tls:
        certificate, key = write_certificate(folder)
        return Bench(folder, sink, certificate, key), ""
    if problem := built(plain):
        raise SystemExit(f"bench: sink.c: {problem}")
    return Bench(folder, sink), f"no TLS here (Debian: apt-get install libssl-dev): {without_tls}"


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that signs itself and lives for an hour or two."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the bench's sink")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(pem))
    files[1].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def python(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"bench.send.{module}", *words)


@dataclass(frozen=True, slots=True)
class Found:
    """The programs that can run here, and a line for each that cannot."""

    programs: tuple[Program, ...]
    missing: tuple[str, ...]


def peers(folder: Path) -> Found:
    """Find or build every other program; what is missing is named and left out."""
    programs, missing = [], []
    if shutil.which("smtp-source"):
        programs.append(Program(SMTP_SOURCE, python("peers.smtp_source")))
    else:
        missing.append("smtp-source: not installed (Debian: apt-get install postfix)")
    programs.append(Program("smtplib", python("peers.smtplib_peer"), share=0.1))
    for module in ("aiosmtplib", "uvloop"):
        if importlib.util.find_spec(module) is None:
            missing.append(f"{module}: not installed")
            break
        mode = () if module == "aiosmtplib" else ("--mode", "uvloop")
        words = python("peers.aiosmtplib_peer", *mode)
        programs.append(Program(" on ".join(("aiosmtplib", *mode[1:])), words, share=0.03))
    for more in (_nodemailer(folder), _go(folder)):
        programs += more.programs
        missing += more.missing
    return Found(tuple(programs), tuple(missing))


def _nodemailer(folder: Path) -> Found:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Found((), ("nodemailer: node or npm is not installed",))
    home = folder / "nodemailer"
    shutil.copytree(HERE / "peers" / "nodemailer", home)
    if problem := built((npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"), folder=home):
        return Found((), (f"nodemailer: npm ci: {problem}",))
    script = (node, str(home / "main.mjs"))
    raw = Program("nodemailer, raw", script, share=0.08)
    composing = Program("nodemailer, composing", (*script, "--mode", "compose"), share=0.02)
    return Found((raw, composing), ())


def _go(folder: Path) -> Found:
    go = shutil.which("go") or shutil.which("go", path=GO_PLACE)
    if go is None:
        return Found((), ("Go: not installed (go.dev/dl, or Debian: apt-get install golang-go)",))
    program = folder / "go-net-smtp"
    if problem := built((go, "build", "-o", str(program), "."), folder=HERE / "peers" / "go"):
        return Found((), (f"Go: go build: {problem}",))
    raw = Program("Go net/smtp, raw", (str(program),), share=0.2)
    composing = [
        Program(name, (str(program), "--mode", mode), share=share, connections=10)
        for name, mode, share in zip(AS_LISTMONK, ("plain", "links"), (0.1, 0.03), strict=True)
    ]
    return Found((raw, *composing), ())
