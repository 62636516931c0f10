"""What the sign-up pages and the message that asks to confirm say, in every language of the public pages."""

from __future__ import annotations

from collections.abc import Mapping


WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "News from {shop}",
        "intro": "Choose what you would like to get. We then send you one message with a link: only when you "
        "have confirmed there do we write to you.",
        "address": "Your e-mail address",
        "address_wrong": "Please enter an e-mail address, such as anna@example.com.",
        "choose": "What we may send you",
        "choose_wrong": "Please tick what you would like to get.",
        "send": "Sign up",
        "kept": "We use the address for this alone. Without your confirmation it is deleted after seven days.",
        "error": "Please correct this first",
        "too_many": "That was too often",
        "too_many_text": "Please wait a minute and send it again.",
        "asked": "Please look into your mailbox",
        "asked_text": "If the address can get messages from us, one is on its way now. Open it and confirm; the "
        "link works for seven days. Nothing is sent to you before.",
        "asked_missing": "Nothing there after ten minutes? Look into the folder for spam, or sign up again. We ask an "
        "address three times a day at most.",
        "confirm": "Please confirm",
        "confirm_text": "One press of the button, and this holds:",
        "confirm_button": "Yes, I agree",
        "confirm_not": "If it was not you who asked, close this page. Nothing happens then.",
        "confirmed": "Thank you, you are signed up",
        "confirmed_text": "You agreed to what you were shown. You can end it at any time, with the link in every "
        "message or here:",
        "confirmed_link": "Your choices and your data",
        "expired": "This link has run out",
        "expired_text": "It worked for seven days. Nothing was sent to you. You can sign up again.",
        "again": "Sign up again",
        "subject": "Please confirm: news from {shop}",
        "hello": "Somebody entered your e-mail address to get news from {shop}. If it was you, please confirm. Then "
        "this holds:",
        "button": "Confirm on our page",
        "or_copy": "Or copy this address into your browser:",
        "not_you": "If it was not you, you need to do nothing: you get no news, and the address is deleted after "
        "seven days.",
    },
    "de": {
        "title": "Neuigkeiten von {shop}",
        "intro": "Wählen Sie, was Sie bekommen möchten. Wir senden Ihnen dann eine Nachricht mit einem Link: Erst wenn "
        "Sie dort bestätigt haben, schreiben wir Ihnen.",
        "address": "Ihre E-Mail-Adresse",
        "address_wrong": "Bitte geben Sie eine E-Mail-Adresse ein, zum Beispiel anna@example.com.",
        "choose": "Was wir Ihnen senden dürfen",
        "choose_wrong": "Bitte kreuzen Sie an, was Sie bekommen möchten.",
        "send": "Anmelden",
        "kept": "Wir verwenden die Adresse nur dafür. Ohne Ihre Bestätigung wird sie nach sieben Tagen gelöscht.",
        "error": "Bitte berichtigen Sie zuerst dies",
        "too_many": "Das war zu oft",
        "too_many_text": "Bitte warten Sie eine Minute und senden Sie es noch einmal.",
        "asked": "Bitte sehen Sie in Ihr Postfach",
        "asked_text": "Wenn die Adresse Nachrichten von uns bekommen kann, ist jetzt eine unterwegs. Öffnen Sie sie und "
        "bestätigen Sie; der Link gilt sieben Tage. Vorher senden wir Ihnen nichts.",
        "asked_missing": "Nach zehn Minuten ist nichts da? Sehen Sie in den Spam-Ordner, oder melden Sie sich noch "
        "einmal an. Wir fragen eine Adresse höchstens dreimal am Tag.",
        "confirm": "Bitte bestätigen Sie",
        "confirm_text": "Ein Druck auf den Knopf, und es gilt:",
        "confirm_button": "Ja, ich stimme zu",
        "confirm_not": "Wenn nicht Sie es waren, schließen Sie diese Seite. Dann geschieht nichts.",
        "confirmed": "Danke, Sie sind angemeldet",
        "confirmed_text": "Sie haben dem zugestimmt, was Ihnen gezeigt wurde. Sie können es jederzeit beenden: mit dem "
        "Link in jeder Nachricht oder hier:",
        "confirmed_link": "Ihre Auswahl und Ihre Daten",
        "expired": "Dieser Link ist abgelaufen",
        "expired_text": "Er galt sieben Tage. Wir haben Ihnen nichts gesendet. Sie können sich noch einmal anmelden.",
        "again": "Noch einmal anmelden",
        "subject": "Bitte bestätigen: Neuigkeiten von {shop}",
        "hello": "Jemand hat Ihre E-Mail-Adresse eingegeben, um Neuigkeiten von {shop} zu bekommen. Wenn Sie das "
        "waren, bestätigen Sie es bitte. Dann gilt:",
        "button": "Auf unserer Seite bestätigen",
        "or_copy": "Oder kopieren Sie diese Adresse in Ihren Browser:",
        "not_you": "Wenn nicht Sie es waren, müssen Sie nichts tun: Sie bekommen keine Neuigkeiten, und die Adresse "
        "wird nach sieben Tagen gelöscht.",
    },
    "es": {
        "title": "Novedades de {shop}",
        "intro": "Elija lo que quiere recibir. Le enviaremos un mensaje con un enlace: solo le escribiremos cuando lo "
        "haya confirmado allí.",
        "address": "Su correo electrónico",
        "address_wrong": "Escriba una dirección de correo, por ejemplo anna@example.com.",
        "choose": "Qué podemos enviarle",
        "choose_wrong": "Marque lo que quiere recibir.",
        "send": "Suscribirme",
        "kept": "Usamos la dirección solo para esto. Sin su confirmación se borra al cabo de siete días.",
        "error": "Corrija antes esto",
        "too_many": "Demasiadas veces",
        "too_many_text": "Espere un minuto y envíelo otra vez.",
        "asked": "Mire su correo",
        "asked_text": "Si la dirección puede recibir mensajes nuestros, uno está en camino. Ábralo y confirme; el "
        "enlace vale siete días. Antes no le enviamos nada.",
        "asked_missing": "¿No ha llegado nada en diez minutos? Mire en la carpeta de correo no deseado o suscríbase "
        "otra vez. Preguntamos a una dirección tres veces al día como máximo.",
        "confirm": "Confirme, por favor",
        "confirm_text": "Basta con pulsar el botón, y vale lo siguiente:",
        "confirm_button": "Sí, acepto",
        "confirm_not": "Si no lo ha pedido usted, cierre esta página. Entonces no ocurre nada.",
        "confirmed": "Gracias, la suscripción está hecha",
        "confirmed_text": "Ha aceptado lo que se le mostró. Puede dejarlo en cualquier momento, con el enlace de cada "
        "mensaje o aquí:",
        "confirmed_link": "Sus decisiones y sus datos",
        "expired": "Este enlace ha caducado",
        "expired_text": "Valía siete días. No le hemos enviado nada. Puede suscribirse otra vez.",
        "again": "Suscribirme otra vez",
        "subject": "Confirme, por favor: novedades de {shop}",
        "hello": "Alguien ha escrito su dirección de correo para recibir novedades de {shop}. Si ha sido usted, "
        "confírmelo. Entonces vale lo siguiente:",
        "button": "Confirmar en nuestra página",
        "or_copy": "O copie esta dirección en su navegador:",
        "not_you": "Si no ha sido usted, no tiene que hacer nada: no recibirá novedades y la dirección se borra al "
        "cabo de siete días.",
    },
}  # fmt: skip

_NO_NAME = {"en": "our shop", "de": "unserem Shop", "es": "nuestra tienda"}


def words(language: str, *, shop: str) -> Mapping[str, str]:
    """`shop`: its name, or "" where none is set."""
    name = shop or _NO_NAME[language]
    return {key: text.replace("{shop}", name) for key, text in WORDS[language].items()}
