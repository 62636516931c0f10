"""What the screens show, as frozen values: nothing here decides, writes or renders."""

from feedback.reports.campaign import CampaignReport, campaign_report
from feedback.reports.home import Home, home
from feedback.reports.model_versions import ModelTask, models_page


__all__ = ["CampaignReport", "Home", "ModelTask", "campaign_report", "home", "models_page"]
