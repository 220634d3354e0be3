"""Made-up data only: a district with known truth at any scale, its deliveries, and the sample nights of the tests."""
