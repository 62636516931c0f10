"""The rule builder: a rule as rows of a form, without any script.

`rows.py` is the tree as it travels in the fields, `definitions.py` makes a definition of it and back,
`choices.py` says what may be chosen, `inputs.py` what a template draws.
"""
