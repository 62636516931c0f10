"""What the web server loads."""

import os

from config import embedded


embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - settings must find the servers


application = get_wsgi_application()
