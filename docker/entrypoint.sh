#!/bin/sh
# The roles of the image. Anything else is a command of manage.py: `doctor`, `import_shop FILE`, …
set -eu
cd /srv/coterie

case "${1:-web}" in
  web)
    # one container migrates: the others wait until this one answers
    python manage.py migrate --noinput
    python manage.py collectstatic --noinput --verbosity 0
    exec granian --interface wsgi --host 0.0.0.0 --port 8000 --workers 2 --blocking-threads 32 \
      --no-ws config.wsgi:application
    ;;
  worker)
    exec celery -A config worker --queues default --concurrency 2 --loglevel INFO \
      --without-gossip --without-mingle
    ;;
  # sending has a process of its own: a long training must not keep messages waiting
  sender)
    exec celery -A config worker --queues send --concurrency 1 --loglevel INFO \
      --without-gossip --without-mingle
    ;;
  # an import may take an hour, and has 500 MB to itself
  importer)
    exec celery -A config worker --queues import --concurrency 1 --loglevel INFO \
      --without-gossip --without-mingle
    ;;
  # one training after the other: they take all the memory and cores they can get
  trainer)
    exec celery -A config worker --queues train --concurrency 1 --loglevel INFO \
      --without-gossip --without-mingle
    ;;
  beat)
    exec celery -A config beat --loglevel WARNING --pidfile ""
    ;;
  *)
    exec python manage.py "$@"
    ;;
esac
