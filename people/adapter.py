"""How allauth signs people in here: no sign-up, guesses counted everywhere, one text for all failures."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth import authenticate
from django.http import HttpRequest

from people import addresses, audit, sessions, throttle
from people.audit_events import Event
from people.models import User
from problems import Unavailable
from problems.limits import IN_ALL, Limits

FAILURES = 20  # of an account or from an address, within five minutes (the contract)
ACCOUNT, ADDRESS = "sign_in_account", "sign_in_address"


class TooManySignIns(Unavailable):
    """As many passwords as a process looks at together are being looked at (503)."""

    message = "Many people are signing in at this moment."
    hint = "Wait a few seconds, then send the form again."
    retry_after_s = 5


# A password costs a second of processor time, whoever sends it: most of the places of pages are not theirs.
SIGN_INS = Limits(8, TooManySignIns)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Our decisions where allauth asks for one."""

    error_messages = {  # noqa: RUF012  (allauth's attribute)
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and this password do not go together.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are added by an administrator."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """After signing in, on to a path of ours and nowhere else."""
        return bool(url) and addresses.is_local_path(str(url))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Through as many proxies as are ours."""
        return sessions.ip_of(request)

    def is_ajax(self, request: HttpRequest) -> bool:
        """Our pages are pages; programs have the API."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The active person with these credentials, or None. Raises TooManyFailures, TooManySignIns.

        A guess is counted before it is looked at, so that guesses sent together count together, and
        taken back when it was right. A disabled person's right password is a wrong one.
        """
        with SIGN_INS.held(IN_ALL):
            return self._checked(request, credentials)

    def _checked(self, request: HttpRequest, credentials: dict[str, Any]) -> User | None:
        keys = _keys(request, str(credentials.get("email", "")))
        for scope, key in keys.items():
            throttle.check(scope, key, limit=FAILURES)
        for scope, key in keys.items():
            throttle.failed(scope, key, limit=FAILURES)
        user = authenticate(request, **credentials)
        AuthenticationBackend.unstash_authenticated_user()
        if not isinstance(user, User):
            self._tell_the_audit_trail(request, str(credentials.get("email", "")))
            return None
        for scope, key in keys.items():
            throttle.give_back(scope, key)
        return user

    def _tell_the_audit_trail(self, request: HttpRequest, email: str) -> None:
        """Of an account that exists: it has so many failures and no more, where addresses have no end."""
        known = User.objects.filter(email=email.strip().lower()).first()
        if known:
            ip = sessions.ip_of(request)
            audit.record(Event.SIGN_IN_FAILED, actor=None, target=f"person:{known.email}", ip=ip)


def _keys(request: HttpRequest, email: str) -> dict[str, str]:
    address = addresses.throttle_key(sessions.ip_of(request))
    return {ACCOUNT: email.strip().lower(), ADDRESS: address}
