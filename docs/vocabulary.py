"""The page on Segment's events, as far as possible read off the tables that do the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def page(table: Callable[[list[str], Iterable[list[str]]], str]) -> str:
    """`table`: writes rows as Markdown."""
    from customers.intake import reading, retention
    from customers.quality import EARLIEST, REASONS
    from customers.sources.segment import behaviour, calls, fields, money, people, vocabulary

    events = [
        [
            f"`{entry.name}`",
            ", ".join(f"`{name}`" for name in entry.also),
            f"`{entry.kind}`" if entry.meaning in ("behaviour", "message") else entry.meaning.capitalize(),
        ]
        for entry in vocabulary.ENTRIES
    ]
    money_rules = (money.__doc__ or "").strip().partition("\n\n")[2]
    safe = ", ".join(f"`{name}`" for name in sorted(set(behaviour.SAFE)))
    safe_message = ", ".join(f"`{name}`" for name in sorted(behaviour.SAFE_OF_MESSAGE))
    return f"""# Event vocabulary

What becomes of the calls that clients make in Segment's format (Segment's and RudderStack's libraries, and
everything that can forward to a Segment-compatible host). The code is `customers/sources/segment/`.

## Calls

| call | becomes |
| --- | --- |
| `identify` | the customer's fields and traits; events of consent from the mapped trait; a link between anonymous id and customer |
| `track` | see the events below; a name that is not among them is a custom event, kept as `OTHER` with its name and properties, and usable in segments |
| `page`, `screen` | `SITE_VISIT` with the page's name and place; the query of an address is never kept |
| `alias` | `previousId` (else the anonymous id) and `userId` are one person from then on: a merge that is logged and can be undone |
| `group` | `OTHER` with the name `Group` |

## Events

Names are compared without regard to case, spaces, hyphens, underscores, dots and colons: `order_completed` is
`Order Completed`.

{table(["event", "also", "becomes"], events)}
Of a known event only these properties are kept, since the others may name persons: {safe}, the ids of `products`,
and the campaign's `utm_*` fields from `context.campaign`. Of messages: {safe_message}; `Email Bounced` is `soft` when
its type says soft or transient, else `hard`, and a hard one suppresses the address. Custom events keep all
properties up to {calls.LONGEST_PROPERTIES:,} bytes; what does not fit is named in `_left_out`. `campaign_id` and
`delivery_id` become `shop_campaign_id` and `shop_delivery_id`: the plain names are Coterie's own.

## Orders

`Order Completed` must say what the order costs. `Order Updated` and `Order Cancelled` may say anything: what they
leave out stays as it was. The `timestamp` decides which word is the later one, whatever order they arrive in;
an older word changes nothing. An order id is one order, whoever tells of it and however often. An update with
`products` replaces all lines; one without keeps them.

A word about an order that is not known yet (a refund, a cancellation) **waits**: it is tried again after 30 seconds, a
minute, and so on up to every 6 hours, and at once when an order comes in. After {reading.PATIENCE.days} days it is rejected
as `unknown_order`.

## Money

{money_rules}

Amounts may be numbers or texts with a decimal point; separators of thousands and signs of currency are refused
(`bad_price`), since they mean different things in different countries. The smallest unit follows ISO 4217: two
decimal places, none for JPY, three for KWD. An amount without `currency` is in the source's own
(setting `currency` of the source), else in `COTERIE_CURRENCY`. Net revenue everywhere is the total less refunds.
Refunds without a `refund_id` come to no more than their order: one that is told by two of a shop's programs counts once.

## Time

`timestamp`, else `originalTimestamp`, else when the request was received. A time in the future proves that the
client's clock is fast: it is put right by `sentAt`, and what is still in the future happened when it was received.
What is older than {calls.OLD // 3600} hours at receipt is *historical*: it is told and starts no automation. Nothing before
{EARLIEST.year} is taken.

## People

`userId` and `anonymousId`, also as numbers and in snake case. What a faulty script sends for nobody counts as
nothing: {", ".join(f"`{name}`" for name in sorted(fields._NOBODY))}. An e-mail address is believed from a server key only, in `traits`,
`context.traits` or `properties`. A visitor of an anonymous id alone is no customer: their events wait for
{retention.VISITOR_DAYS} days and move into the ledger when they say who they are.

Traits are read from `traits` and `context.traits`, in camel or snake case: `email`, `firstName`, `lastName`, `name`,
`phone`, `country` (or `address.country`), `language` (or `locale`), `createdAt`. All others go to the customer's traits, up to
{calls.LONGEST_PROPERTIES:,} bytes, but none whose name holds {", ".join(f"`{word}`" for word in people._SECRET)}.

## Consent

E-mail consent comes from one trait only: `{people.CONSENT_TRAIT}`, or the one named by `consent_trait` in the source's
settings.

| the trait says | ledger |
| --- | --- |
| `{{"state": "subscribed", "consent_updated_at": …}}` | `CONSENT_GIVEN` at that time |
| `subscribed` without a readable time, a bare `true` | `CONSENT_CLAIMED`: makes nobody mailable |
| `unsubscribed`, `redacted`, a bare `false` | `CONSENT_WITHDRAWN` |
| `pending`, `not_subscribed`, `invalid`, anything else | nothing |

`context.consent.categoryPreferences` is consent to cookies. `Analytics` or `Advertising` set to `false` keeps that event out of
every profile; it is never an e-mail consent.

## Keys

A **server key** may do everything. A **browser key** can be read by anybody on the shop's pages: it may tell of pages,
screens, browsing, carts, checkouts and custom events; its `identify` links the visitor to a user id and everything
else in it is passed over. Orders, reviews, messages' fates and `alias` are refused as `browser_key_may_not`.

## Once only

Events are known by `messageId`, which a retry repeats; without one, by a hash of what was said. What was known
already is counted as a duplicate. `items = accepted + duplicates + rejected`, and those that wait.

## Limits

An item may have {fields.LARGEST_ITEM:,} bytes, an identifier {fields.LONGEST_ID} characters. Bodies of requests are emptied after
`COTERIE_INBOUND_BODY_DAYS`; texts of rejected items after {retention.REJECTED_DAYS} days.

## Reasons of rejection

A bad item never costs its neighbours. It is kept with one of these reasons and can be tried again. Where only
a line of an order was refused, the order itself is in.

{table(["code", "meaning"], [[f"`{code}`", meaning] for code, meaning in REASONS.items()])}"""
