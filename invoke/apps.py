"""Django's entry for this app."""

from django.apps import AppConfig


class InvokeConfig(AppConfig):
    """The app's name in Django's registry."""

    name = "invoke"
