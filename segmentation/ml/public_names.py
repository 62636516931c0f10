"""
What each factor of a score is called to the customer whom it is about, in every language of the public pages.

Plain words, shorter than the catalogue's: no customer reads "recency". A test holds the table against the catalogue.
"""

from __future__ import annotations


LANGUAGES = ("en", "de", "es")

_TABLE = """
joined_days | Time since you became a customer | Zeit, seit Sie Kunde sind | Tiempo desde que es cliente
season_sin | The time of year | Die Jahreszeit | La época del año
season_cos | The time of year | Die Jahreszeit | La época del año
country_share | Customers of the shop in your country | Kunden des Shops in Ihrem Land | Clientes de la tienda en su país
home_market | You live where most customers live | Sie wohnen, wo die meisten Kunden wohnen | Vive donde vive la mayoría de los clientes

recency_days | Time since your last order | Zeit seit Ihrer letzten Bestellung | Tiempo desde su último pedido
tenure_days | Time since your first order | Zeit seit Ihrer ersten Bestellung | Tiempo desde su primer pedido
orders | Orders so far | Bestellungen bisher | Pedidos hasta ahora
order_days | Days on which you ordered | Tage, an denen Sie bestellt haben | Días en los que hizo pedidos
orders_30d | Orders in the last 30 days | Bestellungen in den letzten 30 Tagen | Pedidos en los últimos 30 días
orders_90d | Orders in the last 90 days | Bestellungen in den letzten 90 Tagen | Pedidos en los últimos 90 días
orders_365d | Orders in the last 365 days | Bestellungen in den letzten 365 Tagen | Pedidos en los últimos 365 días
orders_trend_30d | More or fewer orders than in the 30 days before | Mehr oder weniger Bestellungen als in den 30 Tagen davor | Más o menos pedidos que en los 30 días anteriores
orders_trend_90d | More or fewer orders than in the 90 days before | Mehr oder weniger Bestellungen als in den 90 Tagen davor | Más o menos pedidos que en los 90 días anteriores
orders_trend_365d | More or fewer orders than in the year before | Mehr oder weniger Bestellungen als im Jahr davor | Más o menos pedidos que en el año anterior
orders_season_30d | Orders at this time of year, a year ago | Bestellungen um diese Zeit vor einem Jahr | Pedidos en esta época hace un año
orders_season_90d | Orders at this time of year, a year ago | Bestellungen um diese Zeit vor einem Jahr | Pedidos en esta época hace un año
revenue_cents | Paid for all orders | Für alle Bestellungen bezahlt | Pagado por todos los pedidos
net_revenue_cents | Paid for all orders, less refunds | Für alle Bestellungen bezahlt, ohne Erstattungen | Pagado por todos los pedidos, sin los reembolsos
revenue_30d_cents | Paid in the last 30 days | In den letzten 30 Tagen bezahlt | Pagado en los últimos 30 días
revenue_90d_cents | Paid in the last 90 days | In den letzten 90 Tagen bezahlt | Pagado en los últimos 90 días
revenue_365d_cents | Paid in the last 365 days | In den letzten 365 Tagen bezahlt | Pagado en los últimos 365 días
revenue_trend_30d_cents | Paid more or less than in the 30 days before | Mehr oder weniger bezahlt als in den 30 Tagen davor | Pagado de más o de menos que en los 30 días anteriores
revenue_trend_90d_cents | Paid more or less than in the 90 days before | Mehr oder weniger bezahlt als in den 90 Tagen davor | Pagado de más o de menos que en los 90 días anteriores
revenue_trend_365d_cents | Paid more or less than in the year before | Mehr oder weniger bezahlt als im Jahr davor | Pagado de más o de menos que en el año anterior
net_revenue_365d_cents | Paid in the last 365 days, less refunds | In den letzten 365 Tagen bezahlt, ohne Erstattungen | Pagado en los últimos 365 días, sin los reembolsos
margin_cents | What the shop earned by your orders | Was der Shop an Ihren Bestellungen verdient hat | Lo que la tienda ganó con sus pedidos
margin_share | What the shop earned of each amount paid | Was der Shop von jedem bezahlten Betrag verdient hat | Lo que la tienda ganó de cada importe pagado
order_value_mean_cents | Average value of an order | Durchschnittlicher Wert einer Bestellung | Importe medio de un pedido
order_value_std_cents | How much the values of your orders differ | Wie sehr sich die Werte Ihrer Bestellungen unterscheiden | Cuánto varía el importe de sus pedidos
order_value_min_cents | Smallest order | Kleinste Bestellung | Pedido más pequeño
order_value_max_cents | Largest order | Größte Bestellung | Pedido más grande
order_value_first_cents | Value of the first order | Wert der ersten Bestellung | Importe del primer pedido
order_value_last_cents | Value of the last order | Wert der letzten Bestellung | Importe del último pedido
order_value_last_to_mean | Last order against the average one (1 is as large) | Letzte Bestellung gegen den Durchschnitt (1: gleich groß) | Último pedido frente al medio (1: igual de grande)
gap_mean_days | Usual time between orders | Übliche Zeit zwischen Bestellungen | Tiempo habitual entre pedidos
gap_std_days | How much the time between orders differs | Wie sehr sich die Zeit zwischen Bestellungen unterscheidet | Cuánto varía el tiempo entre pedidos
gap_last_days | Time between the last two orders | Zeit zwischen den letzten beiden Bestellungen | Tiempo entre los dos últimos pedidos
gap_max_days | Longest time between two orders | Längste Zeit zwischen zwei Bestellungen | Tiempo más largo entre dos pedidos
gap_last_to_gap | Last time between orders against the usual one (1 is as long) | Letzte Zeit zwischen Bestellungen gegen die übliche (1: gleich lang) | Último tiempo entre pedidos frente al habitual (1: igual de largo)
recency_to_gap | Time since the last order against the usual one (1 is as long) | Zeit seit der letzten Bestellung gegen die übliche (1: gleich lang) | Tiempo desde el último pedido frente al habitual (1: igual de largo)
discount_share | Discounts, of the value of all orders | Rabatte, vom Wert aller Bestellungen | Descuentos, del importe de todos los pedidos
discounted_orders_share | Orders with a discount | Bestellungen mit Rabatt | Pedidos con descuento
last_order_discounted | The last order had a discount | Die letzte Bestellung hatte einen Rabatt | El último pedido tuvo descuento
active_months_12 | Months with an order, of the last twelve | Monate mit einer Bestellung, von den letzten zwölf | Meses con un pedido, de los últimos doce
order_days_per_year | Days with an order, a year | Tage mit einer Bestellung, im Jahr | Días con un pedido, al año

lines | Items on all orders | Posten aller Bestellungen | Artículos de todos los pedidos
units | Pieces bought so far | Bisher gekaufte Stücke | Unidades compradas hasta ahora
products | Different products | Verschiedene Produkte | Productos distintos
categories | Different kinds of products | Verschiedene Warengruppen | Categorías distintas
lines_per_order | Items on an order, on average | Posten je Bestellung, im Durchschnitt | Artículos por pedido, de media
units_per_order | Pieces in an order, on average | Stücke je Bestellung, im Durchschnitt | Unidades por pedido, de media
units_per_line | Pieces of one product, on average | Stücke je Posten, im Durchschnitt | Unidades por artículo, de media
units_line_max | Most pieces of one product in an order | Meiste Stücke eines Produkts in einer Bestellung | Máximo de unidades de un producto en un pedido
top_category_share | Of all items, those of your favourite kind | Anteil Ihrer liebsten Warengruppe | Parte de su categoría favorita
category_concentration | How much you keep to a few kinds of products | Wie sehr Sie bei wenigen Warengruppen bleiben | Cuánto se limita a pocas categorías
repeat_line_share | Items that you had bought before | Posten, die Sie schon einmal gekauft hatten | Artículos que ya había comprado
unit_price_mean_cents | Average price of a piece | Durchschnittlicher Preis je Stück | Precio medio por unidad
unit_price_min_cents | Cheapest piece | Günstigstes Stück | Unidad más barata
unit_price_max_cents | Dearest piece | Teuerstes Stück | Unidad más cara
products_365d | Different products in the last 365 days | Verschiedene Produkte in den letzten 365 Tagen | Productos distintos en los últimos 365 días
categories_365d | Different kinds of products in the last 365 days | Verschiedene Warengruppen in den letzten 365 Tagen | Categorías distintas en los últimos 365 días
new_products_share_365d | Products of the last 365 days that were new to you | Für Sie neue Produkte der letzten 365 Tage | Productos de los últimos 365 días nuevos para usted
bulk_lines_share | Items of 12 pieces or more | Posten mit 12 Stück oder mehr | Artículos de 12 unidades o más
price_tier | Prices you pay against the average in the shop (1 is as high) | Ihre Preise gegen den Durchschnitt im Shop (1: gleich hoch) | Sus precios frente a la media de la tienda (1: igual de altos)
repeated_products | Products bought again | Wieder gekaufte Produkte | Productos que ha vuelto a comprar
repurchase_gap_days | Usual time until you buy a product again | Übliche Zeit, bis Sie ein Produkt wieder kaufen | Tiempo habitual hasta que vuelve a comprar un producto
due_products | Products that you would usually buy again now | Produkte, die Sie sonst jetzt wieder kaufen würden | Productos que normalmente volvería a comprar ahora
overdue_days | Time since you would usually have bought a product again | Zeit, seit Sie ein Produkt sonst wieder gekauft hätten | Tiempo desde que normalmente habría vuelto a comprar un producto

favourite_hour | Hour at which you order most (UTC) | Stunde, zu der Sie am meisten bestellen (UTC) | Hora a la que más pide (UTC)
favourite_hour_share | Orders at that hour | Bestellungen zu dieser Stunde | Pedidos a esa hora
favourite_weekday | Day on which you order most | Tag, an dem Sie am meisten bestellen | Día en que más pide
weekend_share | Orders on Saturday and Sunday | Bestellungen am Samstag und Sonntag | Pedidos en sábado y domingo
channels | Different ways of ordering | Verschiedene Bestellwege | Vías de pedido distintas
favourite_channel_share | Orders through your main way of ordering | Bestellungen über Ihren häufigsten Weg | Pedidos por su vía más habitual
office_hours_share | Orders in office hours | Bestellungen zu Bürozeiten | Pedidos en horario de oficina
evening_share | Orders in the evening | Bestellungen am Abend | Pedidos por la tarde y noche
november_december_share | Orders in November and December | Bestellungen im November und Dezember | Pedidos en noviembre y diciembre
coming_season_share | Orders at this time of year | Bestellungen um diese Zeit des Jahres | Pedidos en esta época del año

visits_30d | Visits in the last 30 days | Besuche in den letzten 30 Tagen | Visitas en los últimos 30 días
visits_90d | Visits in the last 90 days | Besuche in den letzten 90 Tagen | Visitas en los últimos 90 días
visits_365d | Visits in the last 365 days | Besuche in den letzten 365 Tagen | Visitas en los últimos 365 días
visits_trend_30d | More or fewer visits than in the 30 days before | Mehr oder weniger Besuche als in den 30 Tagen davor | Más o menos visitas que en los 30 días anteriores
visit_recency_days | Time since your last visit | Zeit seit Ihrem letzten Besuch | Tiempo desde su última visita
views_30d | Products looked at in the last 30 days | In den letzten 30 Tagen angesehene Produkte | Productos vistos en los últimos 30 días
views_90d | Products looked at in the last 90 days | In den letzten 90 Tagen angesehene Produkte | Productos vistos en los últimos 90 días
carts_30d | Products put into the cart in the last 30 days | In den letzten 30 Tagen in den Warenkorb gelegt | Productos puestos en la cesta en los últimos 30 días
carts_90d | Products put into the cart in the last 90 days | In den letzten 90 Tagen in den Warenkorb gelegt | Productos puestos en la cesta en los últimos 90 días
searches_30d | Searches in the last 30 days | Suchen in den letzten 30 Tagen | Búsquedas en los últimos 30 días
searches_90d | Searches and wishes in the last 90 days | Suchen und Wünsche in den letzten 90 Tagen | Búsquedas y deseos en los últimos 90 días
wishes | Products put on the wish list | Produkte auf dem Wunschzettel | Productos puestos en la lista de deseos
wishes_90d | Products put on the wish list in the last 90 days | In den letzten 90 Tagen auf den Wunschzettel gesetzt | Productos puestos en la lista de deseos en los últimos 90 días
checkouts_90d | Times at the checkout in the last 90 days | Schritte zur Kasse in den letzten 90 Tagen | Veces en la caja en los últimos 90 días
coupons_365d | Coupons used in the last 365 days | Gutscheine in den letzten 365 Tagen | Cupones en los últimos 365 días
mails | Messages sent to you | An Sie gesendete Nachrichten | Mensajes que se le han enviado
mails_30d | Messages in the last 30 days | Nachrichten in den letzten 30 Tagen | Mensajes en los últimos 30 días
mails_90d | Messages in the last 90 days | Nachrichten in den letzten 90 Tagen | Mensajes en los últimos 90 días
mails_365d | Messages in the last 365 days | Nachrichten in den letzten 365 Tagen | Mensajes en los últimos 365 días
mail_recency_days | Time since our last message | Zeit seit unserer letzten Nachricht | Tiempo desde nuestro último mensaje
clicks | Links clicked in messages | In Nachrichten angeklickte Links | Enlaces abiertos en mensajes
clicks_30d | Links clicked in the last 30 days | In den letzten 30 Tagen angeklickte Links | Enlaces abiertos en los últimos 30 días
clicks_90d | Links clicked in the last 90 days | In den letzten 90 Tagen angeklickte Links | Enlaces abiertos en los últimos 90 días
clicks_365d | Links clicked in the last 365 days | In den letzten 365 Tagen angeklickte Links | Enlaces abiertos en los últimos 365 días
click_recency_days | Time since you last clicked a link | Zeit, seit Sie zuletzt einen Link angeklickt haben | Tiempo desde que abrió un enlace por última vez
clicks_per_mail | Clicks for each message | Klicks je Nachricht | Clics por mensaje
clicks_per_mail_365d | Clicks for each message, last 365 days | Klicks je Nachricht, letzte 365 Tage | Clics por mensaje, últimos 365 días
mail_problems | Messages that came back or were reported | Nachrichten, die zurückkamen oder gemeldet wurden | Mensajes devueltos o denunciados
mails_since_click | Messages since you last clicked a link | Nachrichten, seit Sie zuletzt einen Link angeklickt haben | Mensajes desde que abrió un enlace por última vez

carts_left_90d | Days of the last 90 with a cart and no order | Tage der letzten 90 mit Warenkorb und ohne Bestellung | Días de los últimos 90 con cesta y sin pedido
cart_open_days | Time since a cart without an order | Zeit seit einem Warenkorb ohne Bestellung | Tiempo desde una cesta sin pedido
reviews | Reviews written | Geschriebene Bewertungen | Opiniones escritas
reviews_90d | Reviews in the last 90 days | Bewertungen in den letzten 90 Tagen | Opiniones en los últimos 90 días
review_recency_days | Time since your last review | Zeit seit Ihrer letzten Bewertung | Tiempo desde su última opinión
rating_mean | Your average rating | Ihre durchschnittliche Bewertung | Su valoración media
rating_min | Your worst rating | Ihre schlechteste Bewertung | Su peor valoración
rating_last | Your last rating | Ihre letzte Bewertung | Su última valoración
low_ratings_365d | Ratings of one or two stars in the last 365 days | Bewertungen mit ein oder zwei Sternen in den letzten 365 Tagen | Valoraciones de una o dos estrellas en los últimos 365 días
polarity_mean | Mood of your reviews | Stimmung Ihrer Bewertungen | Tono de sus opiniones
polarity_last | Mood of your last review | Stimmung Ihrer letzten Bewertung | Tono de su última opinión
polarity_min | Mood of your worst review | Stimmung Ihrer schlechtesten Bewertung | Tono de su peor opinión
refunds | Refunds so far | Erstattungen bisher | Reembolsos hasta ahora
refunded_cents | Refunded so far | Bisher erstattet | Reembolsado hasta ahora
refunded_90d_cents | Refunded in the last 90 days | In den letzten 90 Tagen erstattet | Reembolsado en los últimos 90 días
refunded_365d_cents | Refunded in the last 365 days | In den letzten 365 Tagen erstattet | Reembolsado en los últimos 365 días
refunded_share | Refunded for each amount paid | Erstattet je bezahltem Betrag | Reembolsado por cada importe pagado
refund_recency_days | Time since your last refund | Zeit seit Ihrer letzten Erstattung | Tiempo desde su último reembolso
refunds_365d | Refunds in the last 365 days | Erstattungen in den letzten 365 Tagen | Reembolsos en los últimos 365 días
refunds_per_order | Refunds for each order | Erstattungen je Bestellung | Reembolsos por pedido
surveys | Survey answers | Antworten auf Umfragen | Respuestas a encuestas
surveys_365d | Survey answers in the last 365 days | Antworten auf Umfragen in den letzten 365 Tagen | Respuestas a encuestas en los últimos 365 días
survey_recency_days | Time since your last survey answer | Zeit seit Ihrer letzten Antwort auf eine Umfrage | Tiempo desde su última respuesta a una encuesta
survey_score_mean | Average score you gave in surveys | Ihre durchschnittliche Note in Umfragen | Su nota media en encuestas
survey_score_last | Last score you gave in a survey | Ihre letzte Note in einer Umfrage | Su última nota en una encuesta
names_company | Your record names a company | Zu Ihnen ist eine Firma vermerkt | En sus datos figura una empresa
own_mail_domain | Your address is not of a public mail service | Ihre Adresse ist nicht von einem öffentlichen Anbieter | Su dirección no es de un servicio público de correo
"""

FACTORS: dict[str, dict[str, str]] = {
    name: dict(zip(LANGUAGES, said, strict=True))
    for name, *said in (
        [cell.strip() for cell in row.split("|")] for row in _TABLE.splitlines() if row
    )
}
ELSE = {
    "en": "Something else about your orders, visits or reviews",
    "de": "Etwas anderes an Ihren Bestellungen, Besuchen oder Bewertungen",
    "es": "Otra cosa de sus pedidos, visitas u opiniones",
}


def of_factor(name: str, *, language: str) -> str:
    """Never empty: what is in no table is said in general."""
    return FACTORS.get(name, ELSE)[language]
