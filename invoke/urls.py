"""Addresses of the pages about calls. ``/invoke`` itself is not Django's: see ``invoke.gateway``."""

from django.urls import path

from invoke import views

urlpatterns = [
    path("activity/", views.activity, name="activity"),
    path("connections/<str:link_name>/test/", views.test_connection, name="test_connection"),
]
