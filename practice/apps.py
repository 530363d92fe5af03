"""Django's entry for this app."""

from django.apps import AppConfig


class PracticeConfig(AppConfig):
    """The app's name in Django's registry."""

    name = "practice"
