"""Forms about people."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import LoginForm, ReauthenticateForm
from django import forms

from people.audit_events import Event
from people.errors import LastAdministrator
from people.models import Role, User
from people.operation_form import OperationForm
from people.roles import HINTS
from people.widgets import Choice
from problems import AppError

NEW_PASSWORD_HINT = "At least 10 characters; long and unlike anything else you use."
NO_EMAIL = "Enter an e-mail address, such as ada@example.com."
ROLES = [(role.value, Choice(role.label, HINTS[role])) for role in Role]


def _email(label: str, *, autocomplete: str, hint: str = "") -> forms.EmailField:
    return forms.EmailField(
        label=label,
        max_length=254,
        help_text=hint,
        widget=forms.EmailInput(attrs={"autocomplete": autocomplete}),
        error_messages={"required": NO_EMAIL, "invalid": NO_EMAIL},
    )


def _new_password() -> forms.CharField:
    return forms.CharField(
        label="Password",
        strip=False,
        error_messages={"required": "Choose a password."},
        help_text=NEW_PASSWORD_HINT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    """E-mail address and password, in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail address"
        self.fields["login"].widget.attrs |= {
            "placeholder": "",
            "autofocus": True,
            "autocomplete": "username",
        }
        self.fields["login"].error_messages |= {"required": NO_EMAIL, "invalid": NO_EMAIL}
        self.fields["password"].widget.attrs["placeholder"] = ""
        self.fields["password"].help_text = ""
        self.fields["password"].error_messages["required"] = "Enter your password."


class ConfirmForm(ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The password once more, before what can do harm."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs |= {"placeholder": "", "autofocus": True}
        self.fields["password"].error_messages["required"] = "Enter your password."


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """The old password and the new one, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["placeholder"] = ""
        self.fields["oldpassword"].label = "Your password now"
        self.fields["oldpassword"].error_messages["required"] = "Enter the password that you have now."
        self.fields["password1"].label = "New password"
        self.fields["password1"].help_text = NEW_PASSWORD_HINT
        self.fields["password2"].label = "New password again"
        for name in ("password1", "password2"):
            self.fields[name].error_messages["required"] = "Enter the new password, twice."

    def clean_oldpassword(self) -> str:
        """Counted like a sign-in: a borrowed session is no place to guess in."""
        typed = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, typed):
            raise get_adapter().validation_error("enter_current_password")
        return typed


class ForgottenPasswordForm(OperationForm):
    """Where to send a link."""

    email = _email("E-mail address", autocomplete="email")


class SetPasswordForm(OperationForm):
    """A new password, through a one-time link."""

    password = _new_password()


class FirstAdministratorForm(OperationForm):
    """The first person."""

    email = _email("Your e-mail address", autocomplete="username", hint="You sign in with it.")
    password = _new_password()


class PersonForm(OperationForm):
    """A new person."""

    conflict_field = "email"

    email = _email("E-mail address", autocomplete="off")
    role = forms.ChoiceField(label="Role", choices=ROLES, widget=forms.RadioSelect, initial=Role.MEMBER)


class PersonChangeForm(PersonForm):
    """What an administrator changes about a person."""

    active = forms.BooleanField(
        label="May sign in", required=False, help_text="Without it, sessions and API tokens stop at once."
    )

    def lay(self, error: AppError) -> None:
        """The last administrator is a matter of role or sign-in, and not of the address."""
        if isinstance(error, LastAdministrator):
            self.add_error(None, f"{error.message} {error.hint}")
        else:
            super().lay(error)

    @staticmethod
    def values_of(person: User) -> dict[str, Any]:
        """What the form begins with."""
        return {"email": person.email, "role": person.role, "active": person.is_active}


class AuditFilterForm(forms.Form):
    """What to show of the audit trail."""

    event = forms.ChoiceField(
        required=False, choices=[("", "All events"), *((e.value, e.value) for e in Event)]
    )
    actor = forms.CharField(required=False, max_length=254)
    target = forms.CharField(required=False, max_length=200)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
