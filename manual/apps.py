"""Django's entry for this app."""

from django.apps import AppConfig


class ManualConfig(AppConfig):
    """The app's name in Django's registry."""

    name = "manual"
