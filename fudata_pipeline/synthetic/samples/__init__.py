"""The sample nights that the format tests run on: 13 items of 8 units, written cell by cell in Python."""
