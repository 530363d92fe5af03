"""The engine behind browser sessions (SESSION_ENGINE): Django's own, in the database."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError


class SessionStore(db.SessionStore):
    """Tells a database that is away from a session that was ended; Django takes both for the latter (400)."""

    def save(self, must_create: bool = False) -> None:
        """Raises OperationalError as it came, so that the answer is a 503."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise
