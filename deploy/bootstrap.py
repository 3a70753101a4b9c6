"""Make the virtual environment that `make` uses; standard library only, since it runs before anything is installed.

Safe to run again, and from two shells at once: a lock makes the second wait, a stamp makes it short.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON_MIN = (3, 11)
BROWSER_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER_PACKAGES = BROWSER_NAMES[:2]


def install() -> None:
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / "installed"
    with open(ROOT / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        print("Setting up .venv (once; a minute or two) ...", flush=True)
        try:
            venv.create(VENV, with_pip=True, clear=True, symlinks=True)
        except subprocess.CalledProcessError:
            sys.exit("This Python has no ensurepip. On Debian: apt-get install python3-venv; then run make again.")
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", f"{ROOT}[hub,demo,dev]"], check=True)
        stamp.write_text(wanted)


def install_browser() -> None:
    """Bring Debian's Chromium for the page tests where that is possible; else say what would help, and go on."""
    if any(shutil.which(name) for name in BROWSER_NAMES):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing a browser for the page tests ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL)
        for package in BROWSER_PACKAGES:
            command = ["apt-get", "install", "-y", "-qq", package]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode == 0:
                break
    if not any(shutil.which(name) for name in BROWSER_NAMES):
        print(f"No browser: the page tests are reported as not run. To run them: apt-get install {BROWSER_PACKAGES[0]}")


def main() -> None:
    if sys.version_info < PYTHON_MIN:
        sys.exit(f"Python {'.'.join(map(str, PYTHON_MIN))} or newer is needed; this is {sys.version.split()[0]}.")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", action="store_true", help="bring a browser for the page tests")
    arguments = parser.parse_args()
    # Beside each other: each waits for a network of its own.
    with ThreadPoolExecutor() as both:
        jobs = [both.submit(install)]
        if arguments.browser:
            jobs.append(both.submit(install_browser))
    for job in jobs:
        job.result()


if __name__ == "__main__":
    main()
