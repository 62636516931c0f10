"""What the public pages say, in every language that they speak; a test holds the languages together."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header


LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "language": "Language",
        "bad_link": "This link does not work",
        "bad_link_text": "It may have been cut off on its way. Please open it from the message once more. "
        "To stop our e-mails you can also simply answer one of them.",
        "unsubscribe": "Unsubscribe",
        "unsubscribe_ask": "Do you want to stop these e-mails?",
        "unsubscribe_text": "One press of the button, and we send you no more offers or news by e-mail. "
        "Messages about your orders still reach you.",
        "unsubscribed": "You are unsubscribed",
        "unsubscribed_text": "We send you no more offers or news by e-mail, starting now. There is nothing "
        "else you need to do.",
        "unsubscribe_newsletter": "End this newsletter",
        "unsubscribe_all": "End all offers, news and newsletters",
        "unsubscribe_all_text": "Or stop everything at once. Messages about your orders still reach you.",
        "newsletter_ended": "You do not get this newsletter any more, starting now:",
        "choose": "Choose what you get, see what we know, or be forgotten",
        "title": "Your choices and your data",
        "intro": "Nothing here needs a password, and everything you switch off is off from the moment you save.",
        "gpc": "Opt-out request honoured: your browser sends the Global Privacy Control. We share nothing "
        "about you with advertising partners.",
        "nothing": "Withdraw everything",
        "nothing_text": "Stops all offers, news and newsletters, predictions and tracking at once. Messages "
        "about your orders still reach you.",
        "what": "What you agree to",
        "messages": "Messages",
        "use": "Use of your data",
        "newsletter": "Newsletter",
        "not_done": "We do not note whether you open our messages.",
        "not_shared": "We share nothing about you with advertising partners.",
        "often": "How often",
        "limit": "Offers and news at most",
        "no_limit": "No limit of my own",
        "a_month": "times a month",
        "once_a_month": "once a month",
        "pause": "Send nothing until",
        "pause_help": "Leave empty for no pause. Your agreements stay as they are.",
        "pause_wrong": "Please choose a day from tomorrow on, within two years.",
        "save": "Save my choices",
        "saved": "Your choices are saved and hold from now on.",
        "stopped": "You have withdrawn everything. We send no more offers or news.",
        "inferred": "What we conclude about you",
        "inferred_none": "Nothing: we make no predictions about you.",
        "inferred_text": "These are guesses by computer from your orders, reviews and visits. They decide which "
        "messages you get, and nothing else: no price, no credit. Untick predictions above, and they go.",
        "why": "Show why",
        "why_title": "Why",
        "data": "Your data",
        "to_data": "Get a copy of your data or have it erased",
        "copy": "Ask for a copy of my data",
        "copy_text": "We put together everything that we hold about you and get in touch within 30 days.",
        "copy_asked": "We have your request for a copy. You hear from us by",
        "erase": "Erase my data",
        "erase_text": "Your data is erased everywhere. What the law makes us keep, such as sums of orders, stays "
        "without your name.",
        "erase_ask": "Do you want us to erase your data?",
        "erase_warn": "This cannot be undone. Somebody of the shop checks the request first.",
        "erase_yes": "Yes, erase my data",
        "back": "No, go back",
        "erase_asked": "We have your request to erase your data, and you get no more messages. It is done by",
    },
    "de": {
        "language": "Sprache",
        "bad_link": "Dieser Link funktioniert nicht",
        "bad_link_text": "Vielleicht wurde er unterwegs abgeschnitten. Bitte öffnen Sie ihn noch einmal aus der "
        "Nachricht. Um unsere E-Mails zu beenden, können Sie auch einfach auf eine antworten.",
        "unsubscribe": "Abmelden",
        "unsubscribe_ask": "Möchten Sie diese E-Mails beenden?",
        "unsubscribe_text": "Ein Druck auf den Knopf, und wir senden Ihnen keine Angebote oder Neuigkeiten mehr "
        "per E-Mail. Nachrichten zu Ihren Bestellungen erreichen Sie weiterhin.",
        "unsubscribed": "Sie sind abgemeldet",
        "unsubscribed_text": "Ab sofort senden wir Ihnen keine Angebote oder Neuigkeiten mehr per E-Mail. Sie "
        "müssen nichts weiter tun.",
        "unsubscribe_newsletter": "Diesen Newsletter beenden",
        "unsubscribe_all": "Alle Angebote, Neuigkeiten und Newsletter beenden",
        "unsubscribe_all_text": "Oder beenden Sie alles auf einmal. Nachrichten zu Ihren Bestellungen erreichen Sie "
        "weiterhin.",
        "newsletter_ended": "Diesen Newsletter bekommen Sie ab sofort nicht mehr:",
        "choose": "Auswählen, was Sie bekommen, sehen, was wir wissen, oder gelöscht werden",
        "title": "Ihre Auswahl und Ihre Daten",
        "intro": "Nichts hier braucht ein Passwort, und was Sie abschalten, ist mit dem Speichern abgeschaltet.",
        "gpc": "Ihr Widerspruch wird beachtet: Ihr Browser sendet die Global Privacy Control. Wir geben nichts "
        "über Sie an Werbepartner weiter.",
        "nothing": "Alle Zustimmungen zurückziehen",
        "nothing_text": "Beendet alle Angebote, Neuigkeiten und Newsletter, Vorhersagen und Aufzeichnungen auf "
        "einmal. Nachrichten zu Ihren Bestellungen erreichen Sie weiterhin.",
        "what": "Wozu Sie Ja sagen",
        "messages": "Nachrichten",
        "use": "Verwendung Ihrer Daten",
        "newsletter": "Newsletter",
        "not_done": "Wir halten nicht fest, ob Sie unsere Nachrichten öffnen.",
        "not_shared": "Wir geben nichts über Sie an Werbepartner weiter.",
        "often": "Wie oft",
        "limit": "Angebote und Neuigkeiten höchstens",
        "no_limit": "Keine eigene Grenze",
        "a_month": "Mal im Monat",
        "once_a_month": "einmal im Monat",
        "pause": "Nichts senden bis",
        "pause_help": "Leer lassen für keine Pause. Ihre Zustimmungen bleiben, wie sie sind.",
        "pause_wrong": "Bitte wählen Sie einen Tag ab morgen, innerhalb von zwei Jahren.",
        "save": "Auswahl speichern",
        "saved": "Ihre Auswahl ist gespeichert und gilt ab sofort.",
        "stopped": "Sie haben alle Zustimmungen zurückgezogen. Wir senden keine Angebote oder Neuigkeiten mehr.",
        "inferred": "Was wir aus Ihren Daten schließen",
        "inferred_none": "Nichts: wir machen keine Vorhersagen über Sie.",
        "inferred_text": "Das sind Vermutungen des Computers aus Ihren Bestellungen, Bewertungen und Besuchen. Sie "
        "entscheiden, welche Nachrichten Sie bekommen, und sonst nichts: kein Preis, kein Kredit. Nehmen Sie "
        "oben das Häkchen bei den Vorhersagen weg, und sie verschwinden.",
        "why": "Zeigen, warum",
        "why_title": "Warum",
        "data": "Ihre Daten",
        "to_data": "Kopie Ihrer Daten anfordern oder sie löschen lassen",
        "copy": "Kopie meiner Daten anfordern",
        "copy_text": "Wir stellen alles zusammen, was wir über Sie haben, und melden uns innerhalb von 30 Tagen.",
        "copy_asked": "Ihre Bitte um eine Kopie ist angekommen. Sie hören von uns bis zum",
        "erase": "Meine Daten löschen",
        "erase_text": "Ihre Daten werden überall gelöscht. Was wir nach dem Gesetz aufbewahren müssen, etwa Summen von "
        "Bestellungen, bleibt ohne Ihren Namen.",
        "erase_ask": "Sollen wir Ihre Daten löschen?",
        "erase_warn": "Das lässt sich nicht rückgängig machen. Jemand vom Shop prüft die Bitte zuerst.",
        "erase_yes": "Ja, meine Daten löschen",
        "back": "Nein, zurück",
        "erase_asked": "Ihre Bitte um Löschung ist angekommen, und Sie bekommen keine Nachrichten mehr. Erledigt "
        "ist sie bis zum",
    },
    "es": {
        "language": "Idioma",
        "bad_link": "Este enlace no funciona",
        "bad_link_text": "Puede que se haya cortado por el camino. Ábralo otra vez desde el mensaje. Para dejar de "
        "recibir nuestros correos también puede simplemente responder a uno de ellos.",
        "unsubscribe": "Darse de baja",
        "unsubscribe_ask": "¿Quiere dejar de recibir estos correos?",
        "unsubscribe_text": "Basta con pulsar el botón y no le enviaremos más ofertas ni novedades por correo. Los "
        "mensajes sobre sus pedidos le seguirán llegando.",
        "unsubscribed": "Se ha dado de baja",
        "unsubscribed_text": "Desde ahora no le enviamos más ofertas ni novedades por correo. No tiene que hacer "
        "nada más.",
        "unsubscribe_newsletter": "Dejar este boletín",
        "unsubscribe_all": "Dejar todas las ofertas, novedades y boletines",
        "unsubscribe_all_text": "O déjelo todo de una vez. Los mensajes sobre sus pedidos le seguirán llegando.",
        "newsletter_ended": "Desde ahora ya no recibe este boletín:",
        "choose": "Elegir qué recibe, ver qué sabemos o pedir que le olvidemos",
        "title": "Sus decisiones y sus datos",
        "intro": "Aquí no hace falta contraseña, y lo que desactive queda desactivado en cuanto guarde.",
        "gpc": "Su oposición se respeta: su navegador envía el Global Privacy Control. No compartimos nada sobre "
        "usted con socios publicitarios.",
        "nothing": "Retirarlo todo",
        "nothing_text": "Detiene a la vez todas las ofertas, novedades y boletines, las predicciones y el "
        "seguimiento. Los mensajes sobre sus pedidos le seguirán llegando.",
        "what": "Lo que acepta",
        "messages": "Mensajes",
        "use": "Uso de sus datos",
        "newsletter": "Boletín",
        "not_done": "No anotamos si abre nuestros mensajes.",
        "not_shared": "No compartimos nada sobre usted con socios publicitarios.",
        "often": "Con qué frecuencia",
        "limit": "Ofertas y novedades, como máximo",
        "no_limit": "Sin límite propio",
        "a_month": "veces al mes",
        "once_a_month": "una vez al mes",
        "pause": "No enviar nada hasta el",
        "pause_help": "Déjelo vacío si no quiere pausa. Lo que acepta no cambia.",
        "pause_wrong": "Elija un día a partir de mañana y como máximo dentro de dos años.",
        "save": "Guardar",
        "saved": "Sus decisiones están guardadas y valen desde ahora.",
        "stopped": "Ya no acepta nada. No enviamos más ofertas ni novedades.",
        "inferred": "Lo que deducimos sobre usted",
        "inferred_none": "Nada: no hacemos predicciones sobre usted.",
        "inferred_text": "Son suposiciones hechas por ordenador a partir de sus pedidos, opiniones y visitas. "
        "Deciden qué mensajes recibe y nada más: ni precios ni crédito. Desmarque las predicciones arriba y "
        "desaparecen.",
        "why": "Mostrar por qué",
        "why_title": "Por qué",
        "data": "Sus datos",
        "to_data": "Pedir una copia de sus datos o que se borren",
        "copy": "Pedir una copia de mis datos",
        "copy_text": "Reunimos todo lo que tenemos sobre usted y le contactamos en un plazo de 30 días.",
        "copy_asked": "Hemos recibido su petición de una copia. Tendrá noticias nuestras a más tardar el",
        "erase": "Borrar mis datos",
        "erase_text": "Sus datos se borran en todas partes. Lo que la ley obliga a guardar, como sumas de pedidos, "
        "queda sin su nombre.",
        "erase_ask": "¿Quiere que borremos sus datos?",
        "erase_warn": "No se puede deshacer. Alguien de la tienda comprueba antes la petición.",
        "erase_yes": "Sí, borrar mis datos",
        "back": "No, volver",
        "erase_asked": "Hemos recibido su petición de borrado y ya no recibirá mensajes. Estará hecha a más tardar el",
    },
}


def language_of(request: HttpRequest, *, known: str = "") -> str:
    """The one chosen by the switch, else the browser's first that we speak, else `known`, else English."""
    chosen = request.POST.get("l") or request.GET.get("l") or ""
    if chosen in WORDS:
        return chosen
    for name, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()):
        if (main := name.split("-")[0]) in WORDS:
            return main
    return known[:2].lower() if known[:2].lower() in WORDS else "en"


def words(language: str) -> Mapping[str, str]:
    return WORDS[language]
