"""Who answers, learned from any file with an outcome: whom it pays to contact."""
