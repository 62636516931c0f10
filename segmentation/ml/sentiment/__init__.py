"""What a text says: good, bad or neither, in which language, and of what. Knows no Django.

`model.SentimentModel.shipped()` is what works before a shop has stars of its own; `learning.learn` makes one
from a shop's stars. `lexical` is what the lexicons say, `ngrams` and `stack` what was learned, `aspects`
of what a text speaks. `weights/` holds what `shipping` wrote, with its model card.
"""
