"""What the matcher leaves to people: the pairs, a workbook for them, their judgements, and the model that is in use.

A package of its own, since builds follow from the code beside it: another wording here must not build everything anew.
"""
