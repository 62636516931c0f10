"""What a model is for, what it is not for, and what to mind: the part of a model card that no number says."""

from dataclasses import dataclass, replace

from segmentation.ml.catalogue import Row


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """Sentences for who uses the model's scores."""

    use: str
    not_for: str
    limits: tuple[str, ...]
    ethics: tuple[str, ...]


_CONSENT = "Only customers who agreed to profiling are learned from and scored; who withdraws loses the scores at once."
_NO_REFUSAL = "It says who hears from the shop. It must not decide on prices, payment terms, or whether somebody may buy."
_SENSITIVE = "Declared sensitive fields are never among the features; the proxy test says whether other features give them away."
_ETHICS = (_CONSENT, _NO_REFUSAL, _SENSITIVE)

PURPOSES: dict[str, Purpose] = {
    "CHURN": Purpose(
        use="To find customers who are about to be lost, early enough to ask why or to win them back.",
        not_for="Not to predict cancellations of contracts: in a shop nobody says good-bye, and a pause may be only that. "
        "Not to choose whom a mail will change; that is what the uplift model is for.",
        limits=(
            "Customers without an order in the last year are not scored.",
            "The level of the coming season is that of a year ago, or of the newest closed window where the shop is younger.",
            "What is not in the data (a move, a competitor's sale) is not in the score.",
        ),
        ethics=_ETHICS,
    ),
    "PURCHASE": Purpose(
        use="To rank customers by the chance of an order in the next 30 days, for stock, reminders and segments.",
        not_for="Not to say that a message causes the order: most of those at the top order anyway.",
        limits=(
            "Customers without an order in the last year are not scored.",
            "A probability is right on average over many customers, not for one.",
        ),
        ethics=_ETHICS,
    ),
    "RESPONSE": Purpose(
        use="To expect how many orders a campaign brings in its window.",
        not_for="Not to choose whom to mail: who responds may have ordered without the message.",
        limits=("It knows campaigns like those it learned from; a new kind of offer is a guess.",),
        ethics=_ETHICS,
    ),
    "UPLIFT": Purpose(
        use="To mail those whom a message changes by more than it costs.",
        not_for="Not to rank customers by loyalty or value.",
        limits=(
            "It cannot be checked customer by customer: nobody is both mailed and not.",
            "Without proof that customers differ, everybody gets the average effect.",
        ),
        ethics=_ETHICS,
    ),
    "FIRST": Purpose(
        use="To greet new customers as those they will probably become.",
        not_for="Not to leave out who seems of little worth: most of what they will do is chance.",
        limits=("It reads one order; what is not in it, nobody can know.",),
        ethics=_ETHICS,
    ),
    "LIFETIME": Purpose(
        use="To expect what each customer will spend and order in the year ahead, with a range, and when the next order comes.",
        not_for="Not to value a customer as a person, and not to leave anybody without service: the range of one customer is wide.",
        limits=(
            "Sums over many customers are far surer than any one of them.",
            "It knows the past prices, range and habits of the shop; what will change them it cannot know.",
        ),
        ethics=_ETHICS,
    ),
    "SENTIMENT": Purpose(
        use="To see what reviews say, by topic, and when that changes.",
        not_for="Not to judge who wrote a review, and not to decide on a complaint without reading it.",
        limits=(
            "Irony and mixed reviews are read wrong more often than others.",
            "A language it has not learned is not scored.",
        ),
        ethics=(_CONSENT, _SENSITIVE),
    ),
    "RECOMMEND": Purpose(
        use="To show products that a customer will probably want next, and to leave out what they have just bought.",
        not_for="Not to infer what a purchase may say about health, faith or family, nor to show others what somebody bought.",
        limits=(
            "New products and new customers have little to go by: what is popular takes their place.",
        ),
        ethics=(_CONSENT, _SENSITIVE),
    ),
    "CLUSTERS": Purpose(
        use="To see what kinds of customers there are.",
        not_for="It predicts nothing.",
        limits=(
            "Borders between clusters are drawn, not found: who is near one could be on either side.",
        ),
        ethics=(_CONSENT, _SENSITIVE),
    ),
}

UNSAID = Purpose(
    use="As its description in the catalogue says.",
    not_for="Not to decide on anything but what is sent, shown or looked at first.",
    limits=("A number is right on average over many customers, not for one.",),
    ethics=_ETHICS,
)


def purpose_of(task: str) -> Purpose:
    """Of a task that nothing is written about, what holds of all."""
    return PURPOSES.get(task, UNSAID)


_NAMES = {
    "segmentation.ml.estimators.baselines.RecencyRule": "the recency rule: who bought lately will buy",
    "features.MODEL_FEATURES": "the features below,",
    "first_purchase.inputs: the": "the",
}


def in_words(row: Row | None) -> Row | None:
    """The row of the catalogue without names of our code."""
    if row is None:
        return None

    def plain(text: str) -> str:
        for name, words in _NAMES.items():
            text = text.replace(name, words)
        return text

    return replace(row, features=plain(row.features), baseline=plain(row.baseline))
