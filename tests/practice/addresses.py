"""The practice provider on its own."""

from django.urls import include, path

urlpatterns = [path("practice/", include("practice.urls"))]
