"""The pages of the shop's customers: sign up, choose, unsubscribe, see what is known."""
