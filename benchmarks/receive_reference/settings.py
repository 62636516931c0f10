"""The product's settings and, beside it, the reference application."""

from config.settings import *  # noqa: F403 - the same database, the same server
from config.settings import INSTALLED_APPS


INSTALLED_APPS = [
    *dict.fromkeys([*INSTALLED_APPS, "rest_framework", "benchmarks.receive_reference"])
]
ROOT_URLCONF = "benchmarks.receive_reference.urls"
MIDDLEWARE = []  # in favour of the reference: it pays for none
ALLOWED_HOSTS = ["127.0.0.1"]
REST_FRAMEWORK = {  # in favour of the reference: no key, no throttle, no browsable page
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
