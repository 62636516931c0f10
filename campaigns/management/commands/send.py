from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from campaigns import tasks
from campaigns.enums import CampaignState
from campaigns.models import Campaign


class Command(BaseCommand):
    help = "Send what is due without Celery: the same tasks, in this process, until nothing runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one task, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        while True:
            tasks.sweep()
            done = tasks.dispatch_due() + tasks.send_service_messages()
            open_campaigns = Campaign.objects.filter(
                state__in=[CampaignState.SCHEDULED, CampaignState.RUNNING]
            )
            if options["once"] or not open_campaigns.exists():
                return
            if not done:
                time.sleep(0.5)
