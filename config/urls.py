"""Addresses: each app brings its own; one API has a router from each."""

import api.handlers
import connections.api
import connections.api_auth
import invoke.api
import people.api
import services.api
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from ninja import NinjaAPI


def build_api() -> NinjaAPI:
    """The managing API of the contract, under ``/api/v1``."""
    built = NinjaAPI(
        title="Switchboard",
        version="1",
        description="Manage services, connections, tokens and people. Calls go to /invoke.",
        auth=connections.api_auth.authenticate,
        docs_url=None,
        openapi_url="/openapi.json",
        urls_namespace="api",
    )
    api.handlers.install(built)
    for router in (people.api.router, services.api.router, connections.api.router, invoke.api.router):
        built.add_router("", router)
    return built


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("people.urls")),
    path("", include("connections.urls")),
    path("", include("invoke.urls")),
    path("services/", include("services.urls")),
    path("api/v1/", build_api().urls),
]
if settings.PRACTICE:
    urlpatterns.append(path("practice/", include("practice.urls")))

handler404 = "people.error_pages.not_found"
handler403 = "people.error_pages.forbidden"
handler400 = "people.error_pages.bad_request"
handler500 = "people.error_pages.server_error"
