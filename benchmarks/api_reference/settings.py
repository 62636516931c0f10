"""The product's settings; the reference's addresses stand beside the product's."""

from config.settings import *  # noqa: F403 - the same database, the same server


ROOT_URLCONF = "benchmarks.api_reference.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
