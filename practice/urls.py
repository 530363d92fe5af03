"""Addresses of the practice provider, below ``/practice/``."""

from django.urls import path

from practice import oauth1, oauth2, views

app_name = "practice"

urlpatterns = [
    path("api/me", views.me, name="me"),
    path("api/echo", views.echo, name="echo"),
    path("api/echo/<path:rest>", views.echo, name="echo_below"),
    path("api/items", views.items, name="items"),
    path("api/status/<int:code>", views.status, name="status"),
    path("api/nothing", views.nothing, name="nothing"),
    path("oauth1/request_token", oauth1.request_token, name="oauth1_request_token"),
    path("oauth1/authorize", oauth1.authorize, name="oauth1_authorize"),
    path("oauth1/access_token", oauth1.access_token, name="oauth1_access_token"),
    path("oauth2/authorize", oauth2.authorize, name="oauth2_authorize"),
    path("oauth2/token", oauth2.token, name="oauth2_token"),
    path("oauth2/revoke", oauth2.revoke, name="oauth2_revoke"),
]
