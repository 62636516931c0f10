"""The shipped texts in German and Spanish, and those of newsletters; versions as in wordings.py."""

from __future__ import annotations

from consent.enums import Purpose


TRANSLATED: dict[str, dict[str, str]] = {
    "de": {
        Purpose.MARKETING: (
            "Ja, bitte senden Sie mir Angebote und Neuigkeiten dieses Shops per E-Mail. Ich kann das "
            "jederzeit kostenlos beenden: mit dem Abmeldelink in jeder Nachricht oder indem ich dem Shop "
            "schreibe. Meine Bestellungen hängen nicht davon ab."
        ),
        Purpose.PROFILING: (
            "Ja, der Shop darf anhand meiner Bestellungen, Bewertungen und Besuche vorhersagen, was mich "
            "interessieren könnte, und danach wählen, welche Nachrichten ich bekomme. Entscheidungen mit "
            "rechtlicher oder ähnlicher Wirkung werden so nicht getroffen. Ich kann jederzeit widersprechen; "
            "meine Bestellungen sind davon nicht betroffen."
        ),
        Purpose.CLICK_TRACKING: (
            "Ja, der Shop darf festhalten, welche Links in seinen Nachrichten ich anklicke, um zu lernen, "
            "welche mir nützen. Ich kann das jederzeit beenden; die Links funktionieren auch ohne."
        ),
        Purpose.RECOMMENDATIONS: (
            "Ja, der Shop darf Produkte für mich danach auswählen, was ich und andere gekauft haben. Ich "
            "kann das jederzeit beenden."
        ),
        Purpose.REVIEW_FOLLOWUP: (
            "Ja, der Shop darf mich um eine Bewertung meiner Einkäufe bitten und auf meine antworten. Ich "
            "kann das jederzeit beenden."
        ),
        Purpose.OPEN_TRACKING: (
            "Ja, der Shop darf festhalten, ob ich seine Nachrichten öffne. Ich kann das jederzeit beenden, "
            "auch für Nachrichten, die ich schon habe."
        ),
        Purpose.RESEARCH: (
            "Ja, der Shop darf mich zu Umfragen einladen und aus meinen Antworten über Gruppen von Kunden "
            "lernen. Ich kann das jederzeit beenden."
        ),
        Purpose.SHARING: (
            "Ja, der Shop darf seinen Werbepartnern mitteilen, dass ich Kunde bin, damit ich anderswo "
            "passende Werbung sehe. Ich kann das jederzeit beenden."
        ),
    },
    "es": {
        Purpose.MARKETING: (
            "Sí, quiero recibir ofertas y novedades de esta tienda por correo electrónico. Puedo dejar de "
            "recibirlas en cualquier momento y sin coste, con el enlace de baja de cada mensaje o "
            "escribiendo a la tienda. Mis pedidos no dependen de ello."
        ),
        Purpose.PROFILING: (
            "Sí, la tienda puede usar mis pedidos, mis opiniones y mis visitas para predecir qué puede "
            "interesarme y elegir así qué mensajes recibo. No se toma de este modo ninguna decisión con "
            "efectos jurídicos o similares. Puedo oponerme en cualquier momento; mis pedidos no cambian."
        ),
        Purpose.CLICK_TRACKING: (
            "Sí, la tienda puede anotar qué enlaces de sus mensajes abro, para saber cuáles me son útiles. "
            "Puedo detenerlo en cualquier momento; los enlaces funcionan igual."
        ),
        Purpose.RECOMMENDATIONS: (
            "Sí, la tienda puede elegir productos para mí según lo que otros y yo hemos comprado. Puedo "
            "detenerlo en cualquier momento."
        ),
        Purpose.REVIEW_FOLLOWUP: (
            "Sí, la tienda puede pedirme una opinión sobre lo que he comprado y responder a las mías. "
            "Puedo detenerlo en cualquier momento."
        ),
        Purpose.OPEN_TRACKING: (
            "Sí, la tienda puede anotar si abro sus mensajes. Puedo detenerlo en cualquier momento, también "
            "para los mensajes que ya he recibido."
        ),
        Purpose.RESEARCH: (
            "Sí, la tienda puede invitarme a encuestas y aprender de mis respuestas sobre grupos de "
            "clientes. Puedo detenerlo en cualquier momento."
        ),
        Purpose.SHARING: (
            "Sí, la tienda puede comunicar a sus socios publicitarios que soy cliente, para que vea "
            "anuncios adecuados en otros sitios. Puedo detenerlo en cualquier momento."
        ),
    },
}  # fmt: skip

TOPIC_TEXTS = {
    "en": "Yes, please send me the newsletter “{title}” by e-mail. I can stop it at any time.",
    "de": "Ja, bitte senden Sie mir den Newsletter „{title}“ per E-Mail. Ich kann ihn jederzeit beenden.",
    "es": "Sí, quiero recibir el boletín «{title}» por correo electrónico. Puedo dejarlo en cualquier momento.",
}
"""By which a topic's newsletter is agreed to; {title} is the topic's."""
