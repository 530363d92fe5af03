"""What the pages of services ask for."""

from services.forms.client import ClientForm
from services.forms.copy import CopyForm
from services.forms.service import ServiceForm

__all__ = ["ClientForm", "CopyForm", "ServiceForm"]
