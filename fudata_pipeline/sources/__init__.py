"""Deliveries: fetch -> immutable snapshot by content hash -> all-text staging with line numbers."""

from fudata_pipeline.sources.delivery import DeliveryRefused, Snapshot, find_delivery, take_snapshot
from fudata_pipeline.sources.sniff import sniff
from fudata_pipeline.sources.stage import Staged, stage

__all__ = ["DeliveryRefused", "Snapshot", "Staged", "find_delivery", "sniff", "stage", "take_snapshot"]
