"""What `deploy/` names is there: settings, figures, files, ports. It can't be run here, so it is held to the code."""

import configparser
import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from coalition.cli.session import Database, Session
from coalition.cli.workers import Workers
from coalition.config import Settings, load_settings
from coalition.http.metrics import registry
from coalition.http.service import READY_S, ROUTES

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSED = sorted(DEPLOY.glob("*/compose.yaml"))
SETTINGS = {f"COALITION_{name.upper()}" for name in Settings.model_fields}
# Of Prometheus itself, for each address that it asks.
OF_PROMETHEUS = {"up"}
WORDS = {
    *("sum", "rate", "increase", "absent", "by", "le", "instance", "status", "code", "verdict", "job", "or", "vector"),
    *("histogram_quantile", "clamp_min", "coalition", "refused"),
}


def figures_of(shown: CollectorRegistry) -> Iterator[str]:
    for family in shown.collect():
        yield from {
            "counter": [f"{family.name}_total"],
            "histogram": [f"{family.name}_{part}" for part in ("bucket", "sum", "count")],
        }.get(family.type, [family.name])


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """All figures that a hub shows, with workers and without."""
    folder = tmp_path_factory.mktemp("figures")
    nobody = Session(load_settings(data_dir=folder), None, Database(""))  # type: ignore[arg-type]
    workers = Workers(nobody, figures=folder)
    return {*figures_of(registry), *figures_of(workers.registry), *OF_PROMETHEUS}


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "monitoring/dashboards/coalition.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((DEPLOY / "monitoring/alerts.yaml").read_text())["groups"][0]["rules"]
    return [*shown, *(rule["expr"] for rule in rules)]


def test_dashboard_and_alerts_ask_for_figures_that_the_hub_shows(figures: set[str]) -> None:
    """Each name in each expression is a figure, a label or a word of the language."""
    asked = expressions()
    assert len(asked) > 20
    for expression in asked:
        names = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"\[[^\]]*\]|\"[^\"]*\"", "", expression)))
        assert names - WORDS <= figures, f"{expression} asks for {names - WORDS - figures}"
        assert names & figures


def test_every_setting_in_the_files_exists() -> None:
    """A variable by a wrong name would be passed over in silence."""
    for path in [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.md"), *DEPLOY.glob("systemd/*"), DEPLOY / "Dockerfile"]:
        named = set(re.findall(r"COALITION_[A-Z_]*[A-Z]", path.read_text()))
        assert named <= SETTINGS, f"{path.name} names {named - SETTINGS}"


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files pass on what .env does not have."""
    for name in ("COALITION_SMTP_URL", "COALITION_HUB_KEY_BEFORE", "COALITION_TRUSTED_PROXIES", "COALITION_LANES"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.smtp_url, settings.hub_key_before, settings.trusted_proxies, settings.lanes) == (None, None, "", 4)


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.parent.name)
def test_what_a_compose_file_mounts_and_names_is_there(path: Path) -> None:
    """Files beside it exist or are made by the runbook; networks, volumes and what a service waits for are declared;
    what has to be chosen has no default."""
    composed: dict[str, Any] = yaml.safe_load(path.read_text())
    runbook = (path.parent / "README.md").read_text()
    services: dict[str, Any] = composed["services"]
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                is_made = source.startswith("./") and source[2:] in runbook
                assert (path.parent / source).exists() or is_made, f"{name} mounts {source}"
            else:
                assert source in composed["volumes"]
        assert set(service["networks"]) <= set(composed["networks"])
        assert set(service.get("depends_on", [])) <= set(services)
        assert name in ("add-nodes", "distribute") or service["restart"] == "unless-stopped"
        if "build" in service:
            assert (path.parent / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    chosen = set(re.findall(r"\$\{(\w+):\?", path.read_text()))
    assert chosen == {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "COALITION_PUBLIC_URL"}
    assert all(f"{name}=" in runbook for name in chosen)
    outside = [port for service in services.values() for port in service.get("ports", [])]
    assert {port for port in outside if not port.startswith("127.0.0.1:")} <= {"80:8000", "443:8443"}


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.parent.name)
def test_an_archive_of_an_old_window_outlives_the_hub(path: Path) -> None:
    """Nothing else holds its messages: so it has a folder of the host, of the hub's user, that no repository takes."""
    hub = yaml.safe_load(path.read_text())["services"]["hub"]
    runbook = (path.parent / "README.md").read_text()
    assert "./archives:/archives" in hub["volumes"]
    assert "chown 10001 archives" in runbook
    assert "coalition archive window 1 --to /archives" in runbook
    assert "archives/" in (DEPLOY / ".gitignore").read_text().split()


def test_a_bill_is_fetched_also_where_files_are_missing() -> None:
    """`window bill` ends with exit code 3 then, after which `&&` fetches nothing."""
    fetched = re.findall(r"window bill 1 --output /tmp/bill(.*) tar ", (DEPLOY / "single/README.md").read_text())
    assert len(fetched) == 1
    assert "&&" not in fetched[0]


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.parent.name)
def test_a_setting_beside_a_compose_file_reaches_the_hub(path: Path) -> None:
    """Each but those that the image or the file itself decides, and those for trials: one that counts only when the
    database is made, and was left out, could not be mended later."""
    composed: dict[str, Any] = yaml.safe_load(path.read_text())
    environment = composed["services"]["hub"]["environment"]
    decided = {"DATA_DIR", "HOST", "PORT", "METRICS_PORT", "LOG_JSON", "HUB_KEY", "PRINT_CODES", "WEBHOOK_ALLOW_HTTP"}
    wanted = SETTINGS - {f"COALITION_{name}" for name in decided}
    assert wanted - environment.keys() == set()
    assert all(f"${{{name}:" in environment[name] for name in wanted - {"COALITION_DATABASE_URL"})


def test_ports_and_health_addresses_are_the_hubs() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    environment = dict(re.findall(r"(COALITION_\w+)=(\S+)", dockerfile))
    port, metrics_port = environment["COALITION_PORT"], environment["COALITION_METRICS_PORT"]
    paths = {route.path for route in ROUTES}
    assert f"EXPOSE {port} {metrics_port}" in dockerfile
    assert re.findall(rf"http://127.0.0.1:{port}(/\w+)", dockerfile) == ["/healthz"]
    proxy = (DEPLOY / "cluster/haproxy.cfg").read_text()
    assert f"hub:{port}" in proxy
    assert {"/healthz", re.findall(r"httpchk GET (\S+)", proxy)[0]} <= paths
    single = yaml.safe_load((DEPLOY / "single/prometheus.yaml").read_text())["scrape_configs"][0]
    cluster = yaml.safe_load((DEPLOY / "cluster/prometheus.yaml").read_text())["scrape_configs"][0]
    assert single["static_configs"][0]["targets"] == [f"hub:{metrics_port}"]
    assert cluster["dns_sd_configs"][0]["port"] == int(metrics_port)
    assert single["job_name"] == cluster["job_name"] == "coalition"


def test_the_unit_has_no_privilege_and_leaves_time_to_finish() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd/coalition.service")
    service = unit["Service"]
    assert service["User"] != "root"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["CapabilityBoundingSet"]) == (
        "yes",
        "strict",
        "",
    )
    assert int(service["TimeoutStopSec"]) > 60
    assert service["ExecReload"].endswith("-HUP $MAINPID")


def test_a_file_of_the_log_is_kept_once_and_whole(tmp_path: Path) -> None:
    """Asked again for the same file the answer is yes; another one by its name is refused, and the first one stays."""
    (kept := tmp_path / "wal").mkdir()
    (tmp_path / "one").write_bytes(first := bytes(range(256)) * 64)
    (tmp_path / "other").write_bytes(first[:-1])

    def keep(name: str, segment: str = "000000010000000000000001") -> int:
        return subprocess.run([DEPLOY / "single/keep-wal.sh", tmp_path / name, segment, kept], check=False).returncode

    assert [keep("one"), keep("one"), keep("other") != 0, keep("none", "2") != 0] == [0, 0, True, True]
    assert gzip.decompress((kept / "000000010000000000000001.gz").read_bytes()) == first


def test_the_database_gives_its_log_away_where_postgres_may_write() -> None:
    """To a folder of PostgreSQL's user: in one of root's it would fail for ever, and fill the disk with its log."""
    database = yaml.safe_load((DEPLOY / "single/compose.yaml").read_text())["services"]["database"]
    runbook = (DEPLOY / "single/README.md").read_text()
    assert {"archive_mode=on", "archive_command=/keep-wal.sh %p %f"} <= set(database["command"])
    assert {"./wal:/wal", "./keep-wal.sh:/keep-wal.sh:ro"} <= set(database["volumes"])
    assert runbook.count("chown 999 wal") == 2
    assert "wal/" in (DEPLOY / ".gitignore").read_text().split()
    # Twice a day is no fault.
    assert not re.findall(r"\$\(date \+%F\)", runbook)


def test_the_proxy_cuts_nobody_off_for_the_database() -> None:
    """A hub that has lost it says so before the proxy stops waiting; only one without a word is cut off."""
    proxy = (DEPLOY / "cluster/haproxy.cfg").read_text()
    (check_s,) = re.findall(r"timeout check (\d+)s", proxy)
    assert int(check_s) > READY_S
    assert "http-check expect status 200 error-status L7OKC" in proxy
    assert "on-marked-down shutdown-sessions" in proxy
    # What is sent again is what may come twice.
    assert re.findall(r"retry-on (.+)", proxy) == ["conn-failure empty-response"]
    assert "disable-l7-retry unless { path_beg /v1/ } !{ req.hdr(Signature-Input) -m sub nonce= }" in proxy
