"""What went wrong in a night, told once to the people who must know it."""

from fudata_pipeline.alerts.sending import Report, preview, send_alerts, send_test

__all__ = ["Report", "preview", "send_alerts", "send_test"]
