"""Addresses of the manual."""

from django.urls import path

from manual import views

urlpatterns = [
    path("", views.index, name="docs"),
    path("<slug:page>/", views.page, name="docs_page"),
]
