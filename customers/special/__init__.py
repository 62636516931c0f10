"""
Owns the search of free text for special categories of data (Article 9): health, religion and the like.

Knows no Django. Start at `finding.py`; the word lists beside it are what it knows, one file a language.
"""
