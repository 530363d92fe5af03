"""Addresses: each app brings its own; one API has a router from each."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from ninja import NinjaAPI

import api.handlers
import api.parser
import connections.api
import connections.api_auth
import connections.errors
import invoke.api
import people.api
import services.api
from api.description import DescribedAPI
from manual.api_page import api_page


def build_api() -> NinjaAPI:
    """The managing API of the contract, under ``/api/v1``."""
    built = DescribedAPI(
        refusals=(connections.errors.TokenNotAllowed,),
        title="Switchboard",
        version="1",
        description="Manage services, connections, tokens and people. Calls go to /invoke.",
        auth=connections.api_auth.authenticate,
        parser=api.parser.JsonParser(),
        docs_url=None,
        openapi_url="/openapi.json",
        urls_namespace="api",
    )
    api.handlers.install(built)
    for router in (services.api.router, connections.api.router, invoke.api.router, people.api.router):
        built.add_router("", router)
    return built


def signs_in_itself(built: NinjaAPI) -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's addresses, which answer 401 where a page would lead to the sign-in."""
    patterns, app_name, namespace = built.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            login_not_required(pattern.callback)
    return patterns, str(app_name), str(namespace)


managing = build_api()
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("people.urls")),
    path("", include("connections.urls")),
    path("", include("invoke.urls")),
    path("services/", include("services.urls")),
    path("docs/", include("manual.urls")),
    path("api/docs", api_page(managing), name="api_docs"),
    path("api/v1/", signs_in_itself(managing)),
]
if settings.PRACTICE:
    urlpatterns.append(path("practice/", include("practice.urls")))

handler404 = "people.error_pages.not_found"
handler403 = "people.error_pages.forbidden"
handler400 = "people.error_pages.bad_request"
handler500 = "people.error_pages.server_error"
