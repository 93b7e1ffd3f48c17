"""What the agent says, in the call's language: one sentence per status, and a better one where the reason is known.

A reason wins over a status, and "already sent" over "on its way"; for each of them a tool's own `sentences` win over these. A
language that is not here falls back to its first part ("es-MX" to "es"), then to the tool's language, then to English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from midcall.contract.outcomes import DUPLICATE, SENTENCE_KEYS, Status
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool

_TRY_LATER = (Reason.LIMIT_PER_CALL, Reason.LIMIT_PER_NUMBER, Reason.LIMIT_PER_HOUR)
_NOT_A_MOBILE = (Reason.LANDLINE, Reason.UNKNOWN_NUMBER, Reason.INVALID_DESTINATION)


def _language(
    *,
    accepted: str,
    delivered: str,
    pending: str,
    rejected: str,
    unknown: str,
    delegated: str,
    duplicate: str,
    opted_out: str,
    no_number: str,
    not_a_mobile: str,
    too_many: str,
) -> dict[str, str]:
    sentences = {
        Status.ACCEPTED.value: accepted,
        Status.DELIVERED.value: delivered,
        Status.PENDING.value: pending,
        Status.REJECTED.value: rejected,
        Status.UNKNOWN.value: unknown,
        Status.DELEGATED.value: delegated,
        DUPLICATE: duplicate,
        Reason.OPTED_OUT.value: opted_out,
        Reason.NO_CALLER_NUMBER.value: no_number,
        Reason.NUMBER_WITHHELD.value: no_number,
    }
    sentences.update({reason.value: not_a_mobile for reason in _NOT_A_MOBILE})
    sentences.update({reason.value: too_many for reason in _TRY_LATER})
    assert sentences.keys() <= SENTENCE_KEYS, "a tool may say everything in its own words"
    return sentences


BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "en": _language(
        accepted="The text is on its way to you.",
        delivered="The text has arrived on your phone.",
        pending="I'm sending the text now.",
        rejected="I'm sorry, I wasn't able to send the text.",
        unknown="The text should arrive in a moment.",
        delegated="The text is being sent for you.",
        duplicate="I've already sent you that text.",
        opted_out="This number has opted out of our texts, so I can't send it.",
        no_number="I can't see a number to text you at on this call.",
        not_a_mobile="That number doesn't seem to be able to receive texts.",
        too_many="I've sent as many texts to you as I can for now.",
    ),
    "es": _language(
        accepted="El mensaje de texto ya va en camino.",
        delivered="El mensaje de texto ya ha llegado a su teléfono.",
        pending="Le estoy enviando el mensaje de texto ahora.",
        rejected="Lo siento, no he podido enviar el mensaje de texto.",
        unknown="El mensaje de texto debería llegar en un momento.",
        delegated="Se le está enviando el mensaje de texto.",
        duplicate="Ya le he enviado ese mensaje de texto.",
        opted_out="Este número no acepta nuestros mensajes de texto, así que no puedo enviarlo.",
        no_number="En esta llamada no veo un número al que escribirle.",
        not_a_mobile="Parece que ese número no puede recibir mensajes de texto.",
        too_many="Por ahora no puedo enviarle más mensajes de texto.",
    ),
    "fr": _language(
        accepted="Le SMS est en route.",
        delivered="Le SMS est arrivé sur votre téléphone.",
        pending="Je vous envoie le SMS à l'instant.",
        rejected="Je suis désolé, je n'ai pas pu envoyer le SMS.",
        unknown="Le SMS devrait arriver dans un instant.",
        delegated="Le SMS vous est envoyé.",
        duplicate="Je vous ai déjà envoyé ce SMS.",
        opted_out="Ce numéro a refusé nos SMS, je ne peux donc pas l'envoyer.",
        no_number="Je ne vois pas de numéro où vous envoyer un SMS pendant cet appel.",
        not_a_mobile="Ce numéro ne semble pas pouvoir recevoir de SMS.",
        too_many="Je ne peux pas vous envoyer d'autres SMS pour le moment.",
    ),
    "de": _language(
        accepted="Die SMS ist unterwegs zu Ihnen.",
        delivered="Die SMS ist auf Ihrem Telefon angekommen.",
        pending="Ich schicke Ihnen die SMS gerade.",
        rejected="Es tut mir leid, ich konnte die SMS nicht senden.",
        unknown="Die SMS sollte gleich bei Ihnen ankommen.",
        delegated="Die SMS wird Ihnen zugeschickt.",
        duplicate="Diese SMS habe ich Ihnen schon geschickt.",
        opted_out="Diese Nummer hat unsere SMS abbestellt, deshalb kann ich sie nicht senden.",
        no_number="In diesem Gespräch sehe ich keine Nummer, an die ich schreiben kann.",
        not_a_mobile="Diese Nummer kann anscheinend keine SMS empfangen.",
        too_many="Mehr SMS kann ich Ihnen im Moment nicht schicken.",
    ),
}


def sentence(tool: Tool, *, language: str, status: Status, reason: Reason | None, duplicate: bool) -> str:
    """The words for an outcome. There is always one: English has every status.

    In each language: `duplicate` first, where it applies, since a tool's own "accepted" would announce a second text; then
    the tool's words before the built-in ones; in each, the reason before the status.
    """
    told_before = duplicate and status in (Status.ACCEPTED, Status.DELIVERED)
    keys = [reason.value, status.value] if reason else [status.value]
    for code in _languages(language, tool.language):
        sources = (tool.sentences.get(code, {}), BUILT_IN.get(code, {}))
        for wanted in ([DUPLICATE], keys) if told_before else (keys,):
            for words in sources:
                for key in wanted:
                    if key in words:
                        return words[key]
    raise LookupError(f"no sentence for {status.value}")


def built_in_sentence(language: str, status: Status, reason: Reason | None) -> str:
    """The words for an outcome of no tool."""
    for code in _languages(language):
        words = BUILT_IN.get(code, {})
        if found := words.get(reason.value if reason else "") or words.get(status.value):
            return found
    raise LookupError(f"no sentence for {status.value}")


def _languages(*wanted: str) -> Iterator[str]:
    for code in (*wanted, "en"):
        yield code
        if "-" in code:
            yield code.partition("-")[0]
