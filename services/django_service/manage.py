"""Django's command line: `python manage.py migrate` makes the tables in DATABASE_URL."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.backoffice.settings"
    os.environ.pop("LAB_ROLE", None)  # every role's tables are made, whichever role the replica plays
    execute_from_command_line(sys.argv)
