"""
What comes back after a message was handed over: bounces, complaints, answers by machines.

    verp, naming    which delivery something is about
    parsing         a mail as it came -> what it says; pure
    recording       facts, and what follows from them
    mailbox         fetches mails;  providers  hears webhooks
"""
