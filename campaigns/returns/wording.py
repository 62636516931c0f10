"""
Reading refusals that say in words what a code should have said. Pure.

Two mistakes are possible and one is worse: an address that exists must not be suppressed because a
server did not like us. So words about us win over words about the address.
"""

from __future__ import annotations

import re
from email.message import Message

from campaigns import policy
from campaigns.enums import BounceClass


_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
# Codes that say nothing by themselves: RFC 3463's "other" ones, and those that are used for everything.
_VAGUE = re.compile(r"^$|^[45]\.\d\.0$|^5\.4\.1$|^5\.3\.5$")
_ABOUT_US = re.compile(
    r"""spamhaus|barracuda|\b(?:dns)?[br]bls?\b|black-?\s?list|block-?\s?list|deny-?\s?list|\bdmarc\b
        |\bspf\b|\bdkim\b|reputation|unsolicited|\bspam\b(?!\.)|junk\s?mail|policy\s(?:reasons|violation)
        |banned|(?:ip|sender|domain)\s.{0,40}\bblocked|blocked\susing|unauthenticated
        |rate\s?limit|too\smany\s(?:messages|connections)|reverse\sdns|\bptr\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CERTAINLY_ABOUT_US = re.compile(
    r"""spamhaus|\bdnsbl\b|\brbl\b|black-?\s?listed|block-?\s?list|listed\s(?:at|by|in)\b|\bdmarc\b
        |\b(?:spf|dkim)\s(?:fail|check|record)|unsolicited""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_SUCH_ADDRESS = re.compile(
    r"""(?:user|recipient|mailbox|address|account)\s(?:is\s)?(?:unknown|not\sfound|does\s?n.t\sexist
        |does\snot\sexist|not\sexist)|unknown\s(?:user|recipient|local.part|mailbox|address)
        |no\ssuch\s(?:user|recipient|mailbox|address|person|account|email)
        |(?:user|recipient|mailbox).{0,80}\b(?:does\snot\sexist|not\slisted\sin|not\sfound)
        |no\smailbox\s(?:here\s)?by\sthat\sname|nosuchuser|unrouteable\saddress
        |doesn.t\shave\sa.{0,60}account|invalid\s(?:recipient|mailbox)|not\sa\sknown\suser
        |couldn.t\sfind\sany\shost\snamed|host\sor\sdomain\sname\snot\sfound
        |unbekannter?\s(?:empf|benutzer)|empf.nger\s.{0,40}(?:existiert\snicht|unbekannt)
        |(?:usuario|destinatario)\s(?:desconocido|inexistente|no\sexiste)
        |(?:utilisateur|destinataire)\sinconnu""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_BOUNCED = re.compile(
    r"""undeliver|not\sbe\sdelivered|delivery\s(?:\w+\s)?(?:has\s)?(?:failed|failure|unsuccessful)|returned\s
        (?:mail|to\ssender)|failure\snotice|permanent\s(?:fatal\s)?error|could\snot\sdeliver|unzustellbar
        |konnte\snicht\s.{0,40}zugestellt|no\s(?:se\s)?pudo\s.{0,40}entregar|n.a\spu\s.tre\s(?:remis|livr)
        |wasn.t\sable\sto\sdeliver|unable\sto\sdeliver|message\srejected|delivery\sstatus\snotification""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_DELAYED = re.compile(
    r"""\bdelayed\b|warning:\s(?:could\snot\ssend|message)|will\s(?:keep|continue)\s(?:on\s)?trying
        |not\syet\sbeen\sdelivered|verz.gert""",
    re.IGNORECASE | re.VERBOSE,
)
_GIVEN_UP = re.compile(r"giving\sup|given\sup|permanent|failed", re.IGNORECASE)
_COPY = re.compile(
    r"^.{0,8}(?:-{2,} ?(?:Below this line is a copy|This is a copy of|Original message|Returned message|"
    r"The header of the original|Ursprüngliche|Urspr))",
    re.IGNORECASE | re.MULTILINE,
)
_SERVERS = re.compile(
    r"mailer[-_. ]?daemon|postmaster@|mail delivery (?:sub)?system|mail delivery service|mdaemon@",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"""^\W*(?:(?:re|aw|sv)\s*:\s*)?(?:auto(?:matic)?[\s-]*(?:reply|response|re\b)|out\sof\s(?:the\s)?office
        |autoreply|on\s(?:holiday|vacation|leave)|away\sfrom|abwesenheit|automatische\santwort|abwesend
        |nicht\sim\sb.ro|r.ponse\sautomatique|absence|absent|respuesta\sautom.tica|fuera\sde\sla\soficina
        |ausente|risposta\sautomatica|afwezig|vacation)""",
    re.IGNORECASE | re.VERBOSE,
)


def first_status(text: str) -> str:
    """The first enhanced status code in `text`, or ""."""
    found = _STATUS.search(text)
    return found[1] if found else ""


def is_vague(status: str) -> bool:
    """Whether the code, or that there is none, leaves open what is the matter."""
    return _VAGUE.match(status) is not None


def better_status(told: str, diagnostic: str) -> str:
    """Of a report's own status and the one in the other server's words, the one that says more."""
    quoted = first_status(diagnostic)
    if quoted and (_VAGUE.match(told) or policy.is_about_us(quoted)):
        return quoted
    return told


def classify(status: str, text: str) -> BounceClass:
    """What a final refusal means, by its code and, where that is vague, by its words."""
    by_code = policy.bounce_class(status)
    if by_code == BounceClass.HARD:
        return BounceClass.REPUTATION if _CERTAINLY_ABOUT_US.search(text) else BounceClass.HARD
    if by_code == BounceClass.REPUTATION or not _VAGUE.match(status):
        return by_code
    if _ABOUT_US.search(text):
        return BounceClass.REPUTATION
    return BounceClass.HARD if _NO_SUCH_ADDRESS.search(text) else BounceClass.SOFT


def before_the_copy(text: str) -> str:
    """What the server says itself, without the copy of our message below it."""
    found = _COPY.search(text)
    return text[: found.start()] if found else text


def telling_line(text: str) -> str:
    """The part of a text in which the reason stands."""
    for pattern in (_STATUS, _NO_SUCH_ADDRESS, _ABOUT_US, re.compile(r"\b[45]\d\d[ -]")):
        if found := pattern.search(text):
            return text[max(0, found.start() - 100) : found.start() + 200]
    return text


def says_bounced(text: str) -> bool:
    return bool(_BOUNCED.search(text) or _NO_SUCH_ADDRESS.search(text))


def says_delayed(text: str) -> bool:
    return bool(_DELAYED.search(text)) and not _GIVEN_UP.search(text)


def is_from_a_mail_server(sender: str, mail: Message) -> bool:
    """By its name, or by what only mail servers write."""
    return bool(_SERVERS.search(sender)) or any(
        mail.get(name) for name in ("X-Failed-Recipients", "X-MDaemon-Deliver-To-Failed")
    )


def is_subject_of_an_answer(subject: str) -> bool:
    return bool(_ANSWER.search(subject))
