from django.db import migrations

from people import audit_triggers


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]
    operations = [migrations.RunPython(audit_triggers.install, audit_triggers.remove)]
