"""The pages of connections and of API tokens; changing a service touches connections, so it is here too."""

from django.conf import settings
from django.urls import path

from connections.views import actions, authorize, create, lists, service, summary, tokens

app_name = "connections"

ONE = "connections/<slug:link_name>"
SERVICE = "services/<slug:link_name>"
urlpatterns = [
    path("connections/", lists.connections, name="list"),
    path("connections/new/", create.pick, name="new"),
    path("connections/new/<slug:service>/", create.details, name="details"),
    path(f"{ONE}/", summary.summary, name="summary"),
    path(f"{ONE}/edit/", actions.edit, name="edit"),
    path(f"{ONE}/connect/", actions.connect, name="connect"),
    path(f"{ONE}/revoke/", actions.revoke, name="revoke"),
    path(f"{ONE}/switch/", actions.switch, name="switch"),
    path(f"{ONE}/disable/", actions.disable, name="disable"),
    path(f"{ONE}/enable/", actions.enable, name="enable"),
    path(f"{ONE}/delete/", actions.delete, name="delete"),
    path("authorize/<str:token>/", authorize.authorize, name="authorize"),
    path("oauth/callback/<slug:service>", authorize.callback, name="callback"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/new/", tokens.new, name="token_new"),
    path("tokens/<uuid:token_id>/revoke/", tokens.revoke, name="token_revoke"),
    path(f"{SERVICE}/edit/", service.edit, name="service_edit"),
    path(f"{SERVICE}/delete/", service.delete, name="service_delete"),
    path(f"{SERVICE}/newer/", service.newer, name="service_newer"),
]
if "{service}" not in settings.OAUTH_CALLBACK_URL:  # one callback for all services
    urlpatterns.append(path("oauth/callback", authorize.callback, name="callback_shared"))
