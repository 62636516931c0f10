"""All settings, from the environment. docs/reference/settings.md lists them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.urls import reverse_lazy

from config import api_settings, env, menu
from core import clock


BASE_DIR = Path(__file__).resolve().parent.parent
HOME = clock.home()

# ------------------------------------------------------------------ where we run
# Unset DATABASE_URL means embedded servers (config.embedded), on this machine, for trying out.
EMBEDDED = env.boolean("COTERIE_EMBEDDED", default=not env.text("DATABASE_URL"))
DATABASES = {"default": env.database(env.text("DATABASE_URL", "postgresql:///coterie"))}
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "coterie",
    }
}

DEBUG = env.boolean("COTERIE_DEBUG", default=False)
PUBLIC_URL = env.text("COTERIE_PUBLIC_URL", env.last_served(HOME)).rstrip("/")
ALLOWED_HOSTS = env.text("COTERIE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# ------------------------------------------------------------------ secrets
SECRET_KEY = env.secret("COTERIE_SECRET_KEY", home=HOME, may_generate=EMBEDDED)
LINK_KEY = env.secret("COTERIE_LINK_KEY", home=HOME, may_generate=EMBEDDED).encode()
# Keys that no new link is made with, and that links in mails already sent still need.
LINK_KEYS_RETIRED = tuple(
    key.encode() for key in env.text("COTERIE_LINK_KEYS_RETIRED").split(",") if key
)
SUPPRESSION_PEPPER = env.secret(
    "COTERIE_SUPPRESSION_PEPPER", home=HOME, may_generate=EMBEDDED
).encode()
# Peppers that no new hash is made with, and that the hashes of erased addresses still need.
SUPPRESSION_PEPPERS_RETIRED = tuple(
    key.encode()
    for key in env.optional_secret("COTERIE_SUPPRESSION_PEPPERS_RETIRED").split(",")
    if key
)
# Seals what sources entrust to us: the secrets that their webhooks are signed with.
SOURCE_KEY = env.secret("COTERIE_SOURCE_KEY", home=HOME, may_generate=EMBEDDED).encode()

# ------------------------------------------------------------------ receiving shop data
# Requests a minute that one key may make; 0 sets no limit.
RECEIVE_PER_MINUTE = env.integer("COTERIE_RECEIVE_PER_MINUTE", 120_000)
# The doors for shop data answer "come back later"; well-made clients keep what they have.
MAINTENANCE = env.boolean("COTERIE_MAINTENANCE", default=False)
# A request's body is emptied so long after it came, once it has been read.
INBOUND_BODY_DAYS = env.integer("COTERIE_INBOUND_BODY_DAYS", 14)

# Calls to addresses that staff typed in (webhooks out, a WooCommerce shop) may go into our own network.
ALLOW_PRIVATE_TARGETS = env.boolean("COTERIE_ALLOW_PRIVATE_TARGETS", default=False)

# ------------------------------------------------------------------ sending
# smtp://host:port, smtps://user:password@host:port or a provider; empty means nothing can be launched,
# but for a home that `make run` or the demo serves: its own mail server, which delivers nothing.
SMTP_URL = env.text("COTERIE_SMTP_URL") or env.sink_of(HOME)
MESSAGE_ID_DOMAIN = env.text("COTERIE_MESSAGE_ID_DOMAIN", "coterie.example")
# anymail+postmark:// and the like send through a provider; its keys by anymail's names, as a JSON object:
# {"POSTMARK_SERVER_TOKEN": "...", "WEBHOOK_SECRET": "user:password"}.
ANYMAIL = env.mapping("COTERIE_ANYMAIL")
# A mailbox for bounces, b@bounces.shop.example: messages leave as b+<token>@..., so a bounce names its
# delivery. Empty: bounces go to the campaign's sender, and nothing is learned from them.
BOUNCE_ADDRESS = env.mailbox("COTERIE_BOUNCE_ADDRESS")
# Where to fetch them: imaps://user:password@host/INBOX or pop3s://...; empty where a mail server pipes
# them to `manage.py receive_bounce`.
BOUNCE_MAILBOX_URL = env.optional_secret("COTERIE_BOUNCE_MAILBOX_URL")
# Messages are signed (DKIM) where there is a key: PEM, RSA or Ed25519, its public half in the DNS at
# <selector>._domainkey.<domain>.
DKIM_KEY = env.optional_secret("COTERIE_DKIM_KEY")
DKIM_SELECTOR = env.text("COTERIE_DKIM_SELECTOR", "coterie")
DKIM_DOMAIN = env.text("COTERIE_DKIM_DOMAIN", MESSAGE_ID_DOMAIN)
SAMPLE_POSTAL_ADDRESS = (
    "Sample Shop, 1 Example Street, 10115 Berlin"  # only a mail server of this machine takes it
)
POSTAL_ADDRESS = env.text("COTERIE_POSTAL_ADDRESS", SAMPLE_POSTAL_ADDRESS)
# Who messages come from that people asked for themselves, such as the one that asks to confirm a sign-up:
# "Tea & Cups <hello@shop.example>". The name is also the shop's on the page to sign up.
SERVICE_FROM = env.text("COTERIE_SERVICE_FROM", f"service@{MESSAGE_ID_DOMAIN}")
# How fast messages may leave, for a domain and (*) for all: "* 50/s 100000/h, gmail.com 10/s". Empty: no limit.
SEND_LIMITS = env.text("COTERIE_SEND_LIMITS")
# Nobody is written to in these hours of their own clock, 21:00-08:00; empty: at any hour.
QUIET_HOURS = env.text("COTERIE_QUIET_HOURS")
SHOP_TIME_ZONE = env.text("COTERIE_TIME_ZONE", "UTC")
# How many messages a person or an address gets at most, over all campaigns, 3/7d; empty: no limit.
FREQUENCY_CAP = env.text("COTERIE_FREQUENCY_CAP")
# Offers of own similar products to buyers who did not refuse (ePrivacy directive, article 13(2)); only for
# sales that were reported with its conditions, and campaigns that say that they are such offers.
SOFT_OPT_IN = env.boolean("COTERIE_SOFT_OPT_IN", default=False)
CURRENCY = env.text("COTERIE_CURRENCY", "EUR")
# What an order earns where the shop tells no cost of goods, as a share of its total.
ASSUMED_MARGIN = env.integer("COTERIE_ASSUMED_MARGIN_PERCENT", 40) / 100
TRAIN_THREADS = env.integer("COTERIE_TRAIN_THREADS", 0)  # 0: cores less one
TRAIN_ALGORITHM = env.text("COTERIE_TRAIN_ALGORITHM", "boosted trees")
TRAIN_TRIALS = env.integer("COTERIE_TRAIN_TRIALS", 6)  # settings tried on inner cut-offs; 0: none
# Where features are computed: empty is DuckDB in this process, else Spark's master (spark://host:7077).
ANALYTICS_URL = env.text("COTERIE_ANALYTICS_URL")

# ------------------------------------------------------------------ logging in
# Roles whose staff reach nothing but the page to set up a second factor until they have one: names separated
# by commas, `1` for who sees most (privacy officers and admins), `all`; empty: nobody must.
SECOND_FACTOR_ROLES = env.roles("COTERIE_REQUIRE_SECOND_FACTOR")
OTP_TOTP_ISSUER = (
    f"Coterie {urlsplit(PUBLIC_URL).hostname or ''}".strip()
)  # what apps show beside a code

# ------------------------------------------------------------------ Django
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "gateway",
    "customers",
    "consent",
    "segmentation",
    "campaigns",
    "feedback",
    "webhooks",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "config.second_factor.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "consent.accountability.audit.AuditMiddleware",
    "customers.masking.MaskingMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
# The audience page of a large segment posts no fields, imports stream: the defaults are enough.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
# A rule of 100 conditions with 10 filters each is as large as the builder's form gets.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

# How long data is kept, by class; what it does not name is not deleted. See consent/accountability/retention.py.
RETENTION = env.text("COTERIE_RETENTION")

# Who declared to be younger is not profiled and gets no promotions; 0: nobody's age is looked at.
AGE_OF_CONSENT = env.integer("COTERIE_AGE_OF_CONSENT", 16)

# What a restored backup would have forgotten, outside the database: a folder that no backup of the database
# is restored over. Empty: COTERIE_HOME/logbook. Web and workers share it.
LOGBOOK = env.text("COTERIE_LOGBOOK")
# How old a backup may be that is restored: the logbook reaches so far back.
BACKUP_DAYS = env.integer("COTERIE_BACKUP_DAYS", 40)

# So many people looked at by one login or key within an hour are an alarm; 0: no alarm.
MASS_ACCESS_PEOPLE = env.integer("COTERIE_MASS_ACCESS_PEOPLE", 2_000)
# Campaigns to more recipients than this need somebody else's approval before they are launched; 0: none does.
APPROVE_ABOVE = env.integer("COTERIE_APPROVE_ABOVE", 0)
# Companies that process data for the shop beside Coterie: {"Mailer GmbH": "sends messages; Germany"}.
SUBPROCESSORS = env.mapping("COTERIE_SUBPROCESSORS")

# ------------------------------------------------------------------ hardening
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = False  # the proxy's business
# without its word no request is secure, and HSTS is only sent with those that are
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the preview of a message is a sandboxed frame of our own

# ------------------------------------------------------------------ Celery
# Redis only rings the bell; the queue is PostgreSQL, so every setting errs towards "ring again".
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# Both: without the second, a killed child's task counts as done (celery#1628).
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# A task that failed is not rung for again: the next tick looks into the database anyway.
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ETA_TASK_LIMIT = 100  # nothing has an ETA; if something gets one, it is not hoarded
# Longer than security would like (60 s): refreshing a large shop's segments is one task. Sending keeps to
# a fraction of it by itself (campaigns.tasks.SECONDS, dispatch.HANDOVER_SECONDS).
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
# A worker asked to quit ends its messages first: one killed in mid-message leaves an unknown.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
# Against what leaks. The memory of a child that has trained or read a mirror is no leak: above that.
CELERY_WORKER_MAX_TASKS_PER_CHILD = 5_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000  # KiB
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: by default a worker gives up after 100
# Explicit, because Celery 6 turns it round: killing a sender in mid-message makes unknowns, and to run a
# task twice does nothing here.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# The same in all three places, or the shortest wins (celery's documentation of Redis). Well above the
# limit of a task, well below the hour after which kombu rings again by default.
CELERY_VISIBILITY_TIMEOUT = 900
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "coterie:",
    # a connection that died silently is noticed, and not waited on for ever (celery#8030)
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "campaigns.tasks.read_returns": {"queue": "default"},  # a slow mailbox keeps no message waiting
    "campaigns.tasks.*": {"queue": "send"},
    "customers.tasks.run_imports_due": {"queue": "import"},
    # minutes each: what happens to a customer must not wait for them
    "feedback.tasks.retrain_due": {"queue": "train"},
    "feedback.tasks.check_drift_due": {"queue": "train"},
    "segmentation.tasks.first_purchases_due": {"queue": "train"},
    "segmentation.tasks.recommend_due": {"queue": "train"},
    "segmentation.tasks.sentiment_due": {"queue": "train"},
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# ------------------------------------------------------------------ logging: no personal data, one line
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("COTERIE_LOG_LEVEL", "INFO")},
    "loggers": {"django.db.backends": {"level": "WARNING"}},
}

UNFOLD = menu.UNFOLD
REST_FRAMEWORK = api_settings.REST_FRAMEWORK
SPECTACULAR_SETTINGS = api_settings.SPECTACULAR_SETTINGS
