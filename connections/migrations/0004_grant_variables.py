"""What a service told of a grant's variables."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("connections", "0003_refusals"),
    ]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="variables",
            field=models.JSONField(default=dict),
        ),
    ]
