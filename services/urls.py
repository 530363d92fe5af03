"""Addresses of the pages of services; editing and deleting are ``connections.urls``'."""

from django.urls import path

from services import views

app_name = "services"

urlpatterns = [
    path("", views.listing, name="list"),
    path("new/", views.new, name="new"),
    path("<str:link_name>/", views.detail, name="detail"),
    path("<str:link_name>/client/", views.client, name="client"),
    path("<str:link_name>/copy/", views.copy, name="copy"),
    path("<str:link_name>/hide/", views.hide, name="hide"),
]
