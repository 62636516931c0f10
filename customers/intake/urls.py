"""The doors as Django routes; config.wsgi answers there before Django is asked."""

from django.urls import re_path

from customers.intake.views import door


# every spelling is a route of its own: a redirect for a missing slash would lose the data
urlpatterns = [re_path(r"^(?:v1|in)/.*$", door)]
