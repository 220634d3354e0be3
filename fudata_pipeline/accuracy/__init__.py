"""How right the pipeline is: its output held against the truth of a made-up district.

Reads what the pipeline stored and published, and the truth that :mod:`fudata_pipeline.synthetic` set down. Nothing of the
pipeline imports this package or the truth. What is not built yet is reported as such, never as zero.
"""

from fudata_pipeline.accuracy.report import score_accuracy

__all__ = ["score_accuracy"]
