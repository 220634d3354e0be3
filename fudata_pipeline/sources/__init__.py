"""Deliveries: fetch -> immutable snapshot by content hash -> all-text staging with line numbers."""

from fudata_pipeline.sources.delivery import (
    DeliveryRefused,
    Snapshot,
    begin_snapshot,
    delivery_order,
    find_deliveries,
    find_delivery,
    kept_snapshot,
    take_snapshot,
)
from fudata_pipeline.sources.sniff import sniff
from fudata_pipeline.sources.stage import Staged, stage
from fudata_pipeline.sources.streamed import Judge, Streamed

__all__ = [
    "DeliveryRefused",
    "Judge",
    "Snapshot",
    "Staged",
    "Streamed",
    "begin_snapshot",
    "delivery_order",
    "find_deliveries",
    "find_delivery",
    "kept_snapshot",
    "sniff",
    "stage",
    "take_snapshot",
]
