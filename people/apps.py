"""Django's entry for this app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """The app's name in Django's registry."""

    name = "people"
