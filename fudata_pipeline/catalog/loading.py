"""How an item's deliveries make its current rows, and what its deliveries may bring that was not declared."""

from __future__ import annotations

from typing import Literal

from fudata_pipeline.catalog.declared import Declared


class Loading(Declared):
    """The load mode (载入方式) of an item.

    - ``snapshot`` (全量): a delivery holds all rows; the newest good one is current.
    - ``append`` (按日追加): a delivery holds some days' events; the current rows are those of all good deliveries, kept
      by the day of column ``by``.
    - ``upsert`` (按主键更新): a delivery holds what is new or has changed; of each key the newest row is current.

    Of two rows of one key the one with the greater watermark, the item's ``latest_by``, wins, then the one of the later
    delivery. Deliveries are in the natural order of their file names; where the declared path has no ``*``, of arrival.
    """

    mode: Literal["snapshot", "append", "upsert"] = "snapshot"
    by: str | None = None

    @property
    def merges(self) -> bool:
        """Rows of more than one delivery are current."""
        return self.mode != "snapshot"


class Drift(Declared):
    """The drift policy (结构变化) of an item: what becomes of a delivery whose columns are not the declared ones.

    - ``refuse``: an undeclared header, or a declared column that is missing, refuses the delivery.
    - ``evolve``: the delivery is loaded without the undeclared column, which is proposed for approval; approved, it is
      declared and filled from the kept deliveries. A column declared ``optional_column`` may be missing.

    ``ignored`` headers are never of interest under either. A missing column that is not optional always refuses.
    """

    policy: Literal["refuse", "evolve"] = "evolve"
    ignored: tuple[str, ...] = ()
