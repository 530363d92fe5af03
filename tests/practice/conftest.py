"""The practice provider is asked at its own addresses, as any service is."""

import pytest
from django.test import Client
from pytest_django import Settings

CALLBACK = "http://localhost:8000/oauth/callback/practice_oauth2"
APP = "practice-app"


@pytest.fixture(autouse=True)
def _stands_apart(settings: Settings, db: None) -> None:
    settings.ROOT_URLCONF = "tests.practice.addresses"
    settings.MIDDLEWARE = []


@pytest.fixture
def provider() -> Client:
    return Client(headers={"host": "localhost:8000"}, enforce_csrf_checks=True)
