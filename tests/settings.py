"""The product's own settings, with a database and keys that are only the tests'."""

import base64
import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="switchboard-tests-"))
os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 40)
os.environ.setdefault("CREDENTIAL_KEYS", "t1:" + base64.b64encode(b"t" * 32).decode())
os.environ.setdefault("PORT", "8000")
os.environ.setdefault("PUBLIC_URL", "http://localhost:8000")

from config.settings import *  # noqa: E402, F403

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
