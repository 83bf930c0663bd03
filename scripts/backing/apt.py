"""Installs a package of Debian's where that can be done, without starting what it would start.

Law: the system is left as it was but for the package: no server of the system's runs afterwards, now or at its next
start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backing.server import tell

#: Debian asks it before a package starts a server; 101: "action forbidden by policy".
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID = "#!/bin/sh\nexit 101\n"


def install(package: str, *units: str) -> None:
    """Leaves those units of systemd's off that were not on before. Does nothing where it cannot: the caller finds out
    by looking for what it wants."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    tell(f"installing {package}")
    off = [unit for unit in units if not _systemctl("is-enabled", unit)]
    with _nothing_starts():
        if not _apt_get("install", package):
            _apt_get("update")
            _apt_get("install", package)
    for unit in off:
        _systemctl("disable", unit)


def _systemctl(command: str, unit: str) -> bool:
    if shutil.which("systemctl") is None:
        return False
    return subprocess.run(["systemctl", command, "--quiet", unit], capture_output=True, check=False).returncode == 0


def _apt_get(command: str, *packages: str) -> bool:
    said = subprocess.run(
        ["apt-get", command, "-y", "-qq", "-o", "DPkg::Lock::Timeout=120", *packages],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode != 0:
        tell(said.stderr.strip())
    return said.returncode == 0


@contextmanager
def _nothing_starts() -> Iterator[None]:
    before = (POLICY.read_text(), POLICY.stat().st_mode) if POLICY.exists() else None
    POLICY.write_text(FORBID)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_text(before[0])
            POLICY.chmod(before[1])
