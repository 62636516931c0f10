"""What the web server loads."""

import os

from config import embedded


embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - settings must find the servers


_django = get_wsgi_application()

from customers.intake.views import in_front_of  # noqa: E402 - Django must be set up


# the doors for shop data are answered before Django: three times as many requests a second
application = in_front_of(_django)
