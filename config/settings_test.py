"""What tests change, each line with its reason."""

import os
import warnings


# A home of its own, so that tests never meet the data of a run; xdist workers inherit it.
if "COTERIE_TEST_HOME" not in os.environ:
    os.environ["COTERIE_TEST_HOME"] = os.path.join(  # noqa: PTH118 - Django is not set up yet
        os.environ.get("COTERIE_HOME", ".coterie"), "test"
    )
    os.environ["COTERIE_HOME"] = os.environ["COTERIE_TEST_HOME"]

from config import embedded


# pytest-django imports settings before any conftest, so the servers start here.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries we start servers with, not of ours
    embedded.ensure()

# What one xdist worker asks of the broker, and what it counts there, is no other's business.
# Once: the processes that a test starts inherit whatever address it gives them.
if os.environ.get("PYTEST_XDIST_WORKER", "master") not in {
    "master",
    os.environ.get("BROKER_IS_OF"),
}:
    _worker = os.environ["PYTEST_XDIST_WORKER"]
    os.environ["BROKER_IS_OF"] = _worker
    _server = os.environ["REDIS_URL"].rsplit("/", 1)[0]
    os.environ["REDIS_URL"] = f"{_server}/{int(_worker.removeprefix('gw')) + 1}"

from config.settings import *  # noqa: F403 - settings.py with a few changes
from config.settings import CACHES


# Hashing passwords properly costs 0.2 s for every user a test makes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests of one worker must not see the cache of another.
CACHES = {
    "default": {**CACHES["default"], "BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# locmem takes no Redis options
CACHES["default"].pop("LOCATION")
# Known keys, so that a test can compute a token or a hash itself.
LINK_KEY = b"link key of the tests"
SUPPRESSION_PEPPER = b"pepper of the tests"
SOURCE_KEY = b"source key of the tests"
# Collecting static files is not what tests are about.
WHITENOISE_AUTOREFRESH = True
# A search of settings takes seconds and has tests of its own.
TRAIN_TRIALS = 0
