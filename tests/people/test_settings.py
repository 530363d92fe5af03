"""An odd setting refuses to start, in one sentence that says what to do (F5, K4, L5)."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "k1:" + base64.b64encode(b"k" * 32).decode()
SECRET = "0123456789abcdef" * 4 + "ghijkl"


def manage(data: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(data),
        "SECRET_KEY": SECRET,
        "CREDENTIAL_KEYS": KEY,
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env={name: value for name, value in (environment | settings).items() if value},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("PORT", "eighty", "PORT: 'eighty' is not a whole number from 1 to 65535."),
        ("PORT", "70000", "PORT: '70000' is not a whole number"),
        ("PUBLIC_URL", "switchboard.example.com", "is not an origin. Write it like https://"),
        ("PUBLIC_URL", "https://switchboard.example.com/path", "is not an origin."),
        ("PUBLIC_URL", "https://me:pw@switchboard.example.com", "is not an origin."),
        ("PUBLIC_URL", "https://switchboard.example.com:99999", "is not an origin."),
        ("PUBLIC_URL", "https://switchboard.example.com:", "is not an origin."),
        ("PUBLIC_URL", "https://*.example.com", "is not an origin."),
        ("PUBLIC_URL", "https://m\u00fcnchen.example", "is not an origin. Write it like https://"),
        ("PUBLIC_URL", "ftp://switchboard.example.com", "is not an origin."),
        ("PUBLIC_URL", "http://switchboard.example.com", "Put a proxy with TLS (or a tunnel) in front"),
        ("OAUTH_CALLBACK_URL", "/oauth/callback", "OAUTH_CALLBACK_URL: '/oauth/callback' is not a URL."),
        ("OAUTH_CALLBACK_URL", "http://other.example/cb/{service}", "codes would travel in clear"),
        ("OAUTH_CALLBACK_URL", "https://[other/cb", "OAUTH_CALLBACK_URL: 'https://[other/cb' is not a URL."),
        ("OAUTH_CALLBACK_URL", "https://other.example:cb/", "is not a URL."),
        ("OAUTH_CALLBACK_URL", "{PUBLIC_URL}/oauth/{link_name}", "only {service} may follow."),
        (
            "ALLOWED_HOSTS",
            "https://other.example",
            "ALLOWED_HOSTS: 'https://other.example' is not a host name.",
        ),
        ("TRUSTED_PROXY_COUNT", "-1", "TRUSTED_PROXY_COUNT: '-1' is not a whole number"),
        ("WEB_WORKERS", "0", "WEB_WORKERS: '0' is not a whole number"),
        ("CALL_TIMEOUT_S", "1.5", "CALL_TIMEOUT_S: '1.5' is not a whole number"),
        ("CALL_RECORDS", "sometimes", "Choose batched or strict."),
        ("EGRESS_ALLOW", "10.0.0.1/8", "Write networks as CIDRs"),
        ("EGRESS_ALLOW", "intranet", "Write networks as CIDRs"),
        ("EGRESS_CA_FILE", "/no/such/file.pem", "EGRESS_CA_FILE: /no/such/file.pem is not a file."),
        ("PRACTICE", "maybe", "PRACTICE: 'maybe' is neither on nor off."),
        ("CATALOGUE_DIR", "/no/such/folder", "CATALOGUE_DIR: /no/such/folder is not a folder."),
        ("DATABASE_URL", "mysql://localhost/x", "only PostgreSQL and SQLite in a file are supported."),
        ("DATABASE_URL", "nonsense", "only PostgreSQL and SQLite in a file are supported."),
        ("DATABASE_URL", "sqlite://:memory:", "only PostgreSQL and SQLite in a file are supported."),
        ("DATABASE_URL", "postgres://me:pw@host", "Write postgres://user:password@host/name"),
        ("DATABASE_MAX_CONNECTIONS", "all", "DATABASE_MAX_CONNECTIONS: 'all' is not a whole number"),
        ("CALLS_KEPT_DAYS", "-1", "CALLS_KEPT_DAYS: '-1' is not a whole number from 0 to 10000."),
        ("EMAIL_URL", "carrier-pigeon://x", "EMAIL_URL: it is not a mail server's URL."),
        ("DEFAULT_FROM_EMAIL", "me\nBcc: you@example.com", "is not an e-mail address."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: 'LOUD' is no level."),
        ("SECRET_KEY", "too-little", "SECRET_KEY: it is missing or shorter than 32 characters."),
        ("SECRET_KEY", "", "SECRET_KEY: it is missing or shorter than 32 characters."),
        ("CREDENTIAL_KEYS", "", "CREDENTIAL_KEYS is empty"),
        ("CREDENTIAL_KEYS", "k1:c2hvcnQ=", "The key k1 in CREDENTIAL_KEYS has 5 bytes; it takes 32."),
        ("CREDENTIAL_KEYS", "k1:%%%", "The key k1 in CREDENTIAL_KEYS is not base64."),
        ("CREDENTIAL_KEYS", f"{KEY},{KEY}", "CREDENTIAL_KEYS has two keys that are called"),
        ("CREDENTIAL_KEYS", "just-a-word", "CREDENTIAL_KEYS has an entry that is not id:base64."),
        ("CREDENTIAL_KEYS_FILE", "/no/such/file", "CREDENTIAL_KEYS_FILE: /no/such/file cannot be read"),
    ],
)
def test_an_odd_value_refuses_to_start_in_a_sentence(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    done = manage(tmp_path, "check", **{setting: value})
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    if setting in {"SECRET_KEY", "CREDENTIAL_KEYS"} and value:
        assert value not in done.stderr


@pytest.mark.parametrize("public_url", ["http://localhost:8000", "https://switchboard.example.com"])
def test_the_deployment_check_has_nothing_to_say(tmp_path: Path, public_url: str) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "INFO", PUBLIC_URL=public_url)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_callback_for_all_services_starts_with_a_warning(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", OAUTH_CALLBACK_URL="{PUBLIC_URL}/oauth/callback")
    assert done.returncode == 0
    assert "one address for all services" in done.stderr


def test_debug_is_off_whatever_the_environment_says(tmp_path: Path) -> None:
    asks = ("shell", "--no-imports", "-c", "from django.conf import settings; print(settings.DEBUG)")
    assert manage(tmp_path, *asks, DEBUG="on", DJANGO_DEBUG="1").stdout.strip() == "False"


def test_the_settings_file_is_read_from_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text(f"SECRET_KEY={SECRET}\nCREDENTIAL_KEYS={KEY}\n")
    assert manage(tmp_path, "check", SECRET_KEY="", CREDENTIAL_KEYS="").returncode == 0


def test_practice_is_off_where_others_can_reach_it(tmp_path: Path) -> None:
    asks = ("shell", "--no-imports", "-c", "from django.conf import settings; print(settings.PRACTICE)")
    assert manage(tmp_path, *asks).stdout.strip() == "True"
    public = "https://switchboard.example.com"
    assert manage(tmp_path, *asks, PRACTICE="on", PUBLIC_URL=public).stdout.strip() == "False"


def test_an_empty_value_is_as_good_as_none(tmp_path: Path) -> None:
    """Compose files pass on what is not set: an empty HOST must not listen on every address."""
    asks = "from django.conf import settings as s; print(s.HOST, s.PORT, s.PUBLIC_URL, s.CALL_RECORDS)"
    script = f"import os; os.environ.update(HOST='', PORT=' ', PUBLIC_URL='', CALL_RECORDS=''); {asks}"
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"SECRET_KEY": SECRET, "CREDENTIAL_KEYS": KEY},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "127.0.0.1 8000 http://localhost:8000 batched", done.stderr


def test_an_empty_secret_gives_way_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text(f"SECRET_KEY={SECRET}\nCREDENTIAL_KEYS={KEY}\n")
    assert manage(tmp_path, "check", SECRET_KEY=" ", CREDENTIAL_KEYS=" ").returncode == 0


def test_a_settings_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_bytes(b"SECRET_KEY=\xff\xfe\n")
    done = manage(tmp_path, "check")
    assert (done.returncode, done.stderr) == (
        1,
        f"{file}: it cannot be read (it is not UTF-8). Give it to this user, or correct it.\n",
    )


def test_a_value_that_begins_with_a_dollar_is_that_value(tmp_path: Path) -> None:
    assert manage(tmp_path, "check", SECRET_KEY=f"${SECRET}").returncode == 0
