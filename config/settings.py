"""Every setting, read from the environment, then ``.env``, then ``DATA_DIR/secrets.env``.

An odd value refuses to start and says what to do.
"""

import os
import sys
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config import environment, shares
from config.environment import (
    allowed_hosts,
    callback,
    flag,
    is_email,
    is_loopback,
    networks,
    number,
    one_of,
    origin,
    refuse,
    text,
)
from vault import keyring
from vault.errors import BadKeyRing

BASE_DIR = Path(__file__).resolve().parent.parent

environment.read_file(BASE_DIR / ".env")
DATA_DIR = Path(environment.text("DATA_DIR") or BASE_DIR / "var").resolve()
environment.read_file(DATA_DIR / "secrets.env")

_COLLECTS_ONLY = len(sys.argv) > 1 and sys.argv[1] in {"collectstatic", "help", "version"}

# --- Where we are ---------------------------------------------------------------------------------
HOST = text("HOST", "127.0.0.1")
PORT = number("PORT", 8000, 1, 65535)
PUBLIC_URL = text("PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/").lower()
_public = origin("PUBLIC_URL", PUBLIC_URL)
_public_host = _public.hostname or ""
PUBLIC_IS_LOOPBACK = is_loopback(_public_host)
PUBLIC_IS_HTTPS = _public.scheme == "https"
if not PUBLIC_IS_HTTPS and not PUBLIC_IS_LOOPBACK:
    raise refuse(
        "PUBLIC_URL",
        f"{PUBLIC_URL} is plain http on an address that others reach: passwords would travel in clear.",
        "Put a proxy with TLS (or a tunnel) in front and set PUBLIC_URL to its https address.",
    )
OAUTH_CALLBACK_URL = callback("OAUTH_CALLBACK_URL", PUBLIC_URL)
_LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = [
    *allowed_hosts("ALLOWED_HOSTS"),
    f"[{_public_host}]" if ":" in _public_host else _public_host,  # pages are redirected there
    *(_LOOPBACK_NAMES if PUBLIC_IS_LOOPBACK else []),
]
TRUSTED_PROXY_COUNT = number("TRUSTED_PROXY_COUNT", 0, 0, 10)
MAX_CONNECTIONS_PER_ADDRESS = number("MAX_CONNECTIONS_PER_ADDRESS", 512, 1, 65535)  # a process
WEB_WORKERS = number("WEB_WORKERS", 2, 1, 64)
_IS_COMMAND = Path(sys.argv[0]).name == "manage.py"  # and no web process

# --- Secrets --------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = text("SECRET_KEY", "collectstatic-only" if _COLLECTS_ONLY else "")
if len(SECRET_KEY) < 32 and not _COLLECTS_ONLY:
    raise refuse(
        "SECRET_KEY",
        "it is missing or shorter than 32 characters.",
        "`make run` makes one in DATA_DIR/secrets.env.",
    )


def _credential_keys() -> str:
    path = text("CREDENTIAL_KEYS_FILE")
    if not path:
        return text("CREDENTIAL_KEYS")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = error.strerror
        raise refuse(
            "CREDENTIAL_KEYS_FILE", f"{path} cannot be read ({reason}).", "Correct the path."
        ) from None


CREDENTIAL_KEYS = _credential_keys()
if not _COLLECTS_ONLY:
    try:
        keyring.parse(CREDENTIAL_KEYS)
    except BadKeyRing as error:
        raise ImproperlyConfigured(f"{error.message} {error.hint}") from None

# --- Calls ----------------------------------------------------------------------------------------
CALL_TIMEOUT_S = number("CALL_TIMEOUT_S", 40, 1, 600)
CALL_MAX_RESPONSE_BYTES = number("CALL_MAX_RESPONSE_MB", 15, 1, 1024) * 1024 * 1024
CALL_MAX_REQUEST_BYTES = number("CALL_MAX_REQUEST_MB", 50, 1, 1024) * 1024 * 1024
CALL_RECORDS = one_of("CALL_RECORDS", "batched", "strict")
CALLS_KEPT_DAYS = number("CALLS_KEPT_DAYS", 90, 0, 10000)  # 0 keeps all
CALL_MAX_IN_FLIGHT = number("CALL_MAX_IN_FLIGHT", 128, 1, 10000)  # per token and per connection, a process
EGRESS_ALLOW = networks("EGRESS_ALLOW")
EGRESS_CA_FILE = text("EGRESS_CA_FILE")  # further authorities to trust upstream, as PEM
if EGRESS_CA_FILE and not Path(EGRESS_CA_FILE).is_file():
    raise refuse("EGRESS_CA_FILE", f"{EGRESS_CA_FILE} is not a file.", "Correct the path.")
PRACTICE = flag("PRACTICE", default=PUBLIC_IS_LOOPBACK) and PUBLIC_IS_LOOPBACK
CATALOGUE_DIR = text("CATALOGUE_DIR")
if CATALOGUE_DIR and not Path(CATALOGUE_DIR).is_dir():
    raise refuse("CATALOGUE_DIR", f"{CATALOGUE_DIR} is not a folder.", "Correct the path.")

# --- Django ---------------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "people.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
APPEND_SLASH = True
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # sibling sites of our host are not ours to bind
    "security.W008",  # the proxy that holds the certificate redirects; we speak one scheme only
    "security.W021",  # as W005
    # On loopback http: no HSTS, and cookies without Secure, which programs there would drop.
    *([] if PUBLIC_IS_HTTPS else ["security.W004", "security.W012", "security.W016"]),
]

INSTALLED_APPS = [
    "people",
    "services",
    "connections",
    "invoke",
    *(["practice"] if PRACTICE else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "allauth",
    "allauth.account",
    "manual",
]

MIDDLEWARE = [
    "people.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "people.middleware.SecurityHeaders",
    "people.middleware.CanonicalHost",
    "people.middleware.RefuseNul",
    "people.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "people.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "people.middleware.ActorMiddleware",
    "people.middleware.ProblemPages",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


DATABASE_MAX_CONNECTIONS = number("DATABASE_MAX_CONNECTIONS", 90, 1, 10000)  # to PostgreSQL, by all processes


def _share() -> shares.Share:
    of_a_web_process = shares.of_a_web_process(DATABASE_MAX_CONNECTIONS, WEB_WORKERS)
    return shares.OF_A_COMMAND if _IS_COMMAND else of_a_web_process


def _database() -> dict[str, Any]:
    url = text("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'switchboard.sqlite3'}"
    try:
        known = url.partition(":")[0] in {"sqlite", "postgres", "postgresql"}
        database = dict(environ.Env.db_url_config(url)) if known else {}
    except (ValueError, KeyError, ImproperlyConfigured):
        database = {}
    options = dict(database.get("OPTIONS", {}))
    if database.get("ENGINE") == "django.db.backends.sqlite3" and database.get("NAME") != ":memory:":
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
        options |= {"transaction_mode": "IMMEDIATE", "timeout": 10, "init_command": pragmas}
    elif database.get("ENGINE") == "django.db.backends.postgresql" and database.get("NAME"):
        # Each thread takes its connection from the process's pool, where it waits for one if none is free.
        pool = {"min_size": 0, "max_size": _share().pooled, "timeout": 5}
        options |= {"pool": pool, "connect_timeout": 5}
        database |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    else:
        raise refuse(
            "DATABASE_URL",
            "only PostgreSQL and SQLite in a file are supported.",
            "Write postgres://user:password@host/name, or leave it out.",
        )
    return {**database, "OPTIONS": options}


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
DATABASE_READERS = _share().readers if "pool" in DATABASES["default"]["OPTIONS"] else 0
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Sessions, cookies, headers -------------------------------------------------------------------
_PREFIX = "__Host-" if PUBLIC_IS_HTTPS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}switchboard_session"
CSRF_COOKIE_NAME = f"{_PREFIX}switchboard_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_IS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "people.session_store"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_AGE = SESSION_COOKIE_AGE
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PUBLIC_IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # sibling sites are not ours
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "people.error_pages.csrf_failure"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2100  # a service may have 2000 scopes, all of them ticked

# --- Signing in -----------------------------------------------------------------------------------
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "people.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = False  # ours are counted in the database, for all processes alike
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this session stays, the person's others end
ACCOUNT_FORMS = {
    "login": "people.forms.SignInForm",
    "reauthenticate": "people.forms.ConfirmForm",
    "change_password": "people.forms.ChangePasswordForm",
}
PASSWORD_LINK_HOURS = 24
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme

# --- Mail -----------------------------------------------------------------------------------------
MAILS_GO_OUT = bool(text("EMAIL_URL"))
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_TIMEOUT = 10
if MAILS_GO_OUT:
    try:
        globals().update(environ.Env.email_url_config(text("EMAIL_URL")))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise refuse(
            "EMAIL_URL", "it is not a mail server's URL.", "Write smtp+tls://user:password@host:587"
        ) from None
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", f"switchboard@{_public_host}")
if text("DEFAULT_FROM_EMAIL") and not is_email(DEFAULT_FROM_EMAIL):
    raise refuse(
        "DEFAULT_FROM_EMAIL",
        f"{DEFAULT_FROM_EMAIL!r} is not an e-mail address.",
        "Write it like Switchboard <switchboard@example.com>.",
    )

# --- Static files ---------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- Log ------------------------------------------------------------------------------------------
LOG_LEVEL = text("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise refuse("LOG_LEVEL", f"{LOG_LEVEL!r} is no level.", "Choose DEBUG, INFO, WARNING or ERROR.")
LOGGING_CONFIG = "people.logs.configure"
LOGGING: dict[str, Any] = {"level": LOG_LEVEL, "json": flag("LOG_JSON", default=not sys.stderr.isatty())}
os.environ.setdefault("NINJA_SKIP_REGISTRY", "1")
