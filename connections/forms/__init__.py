"""What the pages of connections ask for."""

from connections.forms.connection import ConfirmForm, CredentialsForm, DetailsForm, EditForm, SwitchForm
from connections.forms.token import TokenForm

__all__ = ["ConfirmForm", "CredentialsForm", "DetailsForm", "EditForm", "SwitchForm", "TokenForm"]
