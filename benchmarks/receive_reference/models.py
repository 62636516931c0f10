from django.db import models


class ReferenceEvent(models.Model):
    """An event as a tutorial would store it; the table is made and dropped by benchmarks.receive."""

    message_id = models.CharField(max_length=100, unique=True)
    user_id = models.CharField(max_length=200)
    event = models.CharField(max_length=200)
    happened_at = models.DateTimeField()
    properties = models.JSONField()

    class Meta:
        app_label = "receive_reference"

    def __str__(self) -> str:
        return self.message_id
