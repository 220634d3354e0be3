"""fudata_pipeline: a district's shared data catalog in, trusted tables out."""
