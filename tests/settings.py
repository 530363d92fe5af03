"""The product's own settings, with a database and keys that are only the tests'."""

import atexit
import base64
import os
import shutil
import tempfile

from tests import database

if "DATA_DIR" not in os.environ:  # xdist's workers inherit the one of the process that starts them
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="switchboard-tests-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
database.prepare()
os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 40)
os.environ.setdefault("CREDENTIAL_KEYS", "t1:" + base64.b64encode(b"t" * 32).decode())
os.environ.setdefault("PORT", "8000")
os.environ.setdefault("PUBLIC_URL", "http://localhost:8000")

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, STATIC_ROOT  # noqa: E402

if "sqlite3" in DATABASES["default"]["ENGINE"]:  # a file, so that the gateway's own connection sees it
    DATABASES["default"]["TEST"] = {"NAME": f"{os.environ['DATA_DIR']}/tests.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;"
    )

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
