import people.ids
from django.db import migrations, models

FIRST_HASH = "0" * 64


def anchor_the_trail(apps, schema_editor):
    """The trail that is there ends where its last row stands."""
    last = apps.get_model("people", "AuditEvent").objects.order_by("-sequence").first()
    apps.get_model("people", "AuditAnchor").objects.create(
        sequence=last.sequence if last else 0, hash=last.hash if last else FIRST_HASH
    )


class Migration(migrations.Migration):
    dependencies = [("people", "0002_audit_append_only")]
    operations = [
        migrations.CreateModel(
            name="AuditAnchor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=people.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_only", models.BooleanField(default=True, unique=True)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.RunPython(anchor_the_trail, migrations.RunPython.noop),
    ]
