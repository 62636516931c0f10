"""How the admin writes moments in each language, where Django's own way says "noon" and "9 a.m."."""
