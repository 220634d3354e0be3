"""Made-up data only: the sample nights that the demo, the tests and the documentation run on."""
