"""Headers and query that give way to the caller's, cookies, and what OAuth's blocks say besides."""

from typing import Any

from django.db import migrations, models

_TOKEN_FIELDS = ("access_token", "refresh_token", "expires_in", "expires_at", "scope")
_ADDED: dict[str, dict[str, Any]] = {
    "oauth1": {"require_callback_confirmed": True},
    "oauth2": {
        "token_request": "form",
        "token_fields": dict.fromkeys(_TOKEN_FIELDS, ""),
        "scope_on_refresh": False,
    },
}


def fill_in(apps: Any, schema_editor: Any) -> None:
    """Stored definitions have their defaults filled in."""
    for auth in apps.get_model("services", "ServiceAuth").objects.filter(auth_type__in=_ADDED):
        auth.config = _ADDED[auth.auth_type] | auth.config
        auth.save(update_fields=["config"])
    for service in apps.get_model("services", "Service").objects.exclude(variables=[]):
        service.variables = [{**variable, "from": variable.get("from", "")} for variable in service.variables]
        service.save(update_fields=["variables"])


class Migration(migrations.Migration):

    dependencies = [
        ("services", "0002_service_is_outdated"),
    ]

    operations = [
        migrations.AddField(
            model_name="service",
            name="default_headers",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="service",
            name="default_query",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="service",
            name="cookies",
            field=models.CharField(default="drop", max_length=4),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
