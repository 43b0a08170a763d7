import pytest

from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.sameness.language import OTHER, UNKNOWN, is_fleeting, language_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("how do i reset my password", "en"),
        ("wie kann ich mein passwort ändern", "de"),
        ("comment puis-je changer mon mot de passe", "fr"),
        ("cómo puedo cambiar mi contraseña", "es"),
        ("como posso cancelar a minha assinatura", "?"),
        ("hoe kan ik mijn wachtwoord wijzigen", "?"),
        ("hur kan jag ändra mitt lösenord", "?"),
        ("jak mogę zmienić moje hasło", "?"),
        ("come posso cambiare la mia password", "?"),
        ("password reset", ""),
        ("die", ""),
    ],
)
def test_small_words_tell_the_language(text, code):
    assert language_of(text.split()).code == code


@pytest.mark.parametrize(
    "text",
    [
        "What is on today?",
        "Who is the current president?",
        "How was last week?",
        "What's the weather like in Rome?",
        "Was läuft heute?",
        "Wer ist der aktuelle Kanzler?",
        "Was war letzte Woche?",
        "Que se passe-t-il aujourd'hui ?",
        "Qui est le président actuel ?",
        "¿Qué pasa hoy?",
        "¿Quién es el presidente actual?",
        "O que aconteceu hoje?",
        "Cosa è successo ieri?",
        "Wat is er vandaag?",
        "Что нового сегодня?",
        "今天有什么新闻?",
        "今日の天気は?",
        "오늘 날씨 어때요?",
        "ما الأخبار اليوم",
    ],
)
def test_what_is_bound_to_its_moment_has_no_key_in_any_language(text):
    assert canonical(text) is None


@pytest.mark.parametrize(
    "text", ["What time does the shop open?", "Who was Karl May?", "Is the actual cost higher?", "Wo ist hier ein Arzt?"]
)
def test_what_is_not_bound_has_one(text):
    assert canonical(text) is not None


def test_nothing_is_known_of_other_languages_but_what_does_not_last():
    for tongue in (OTHER, UNKNOWN):
        assert not tongue.frames
        assert not tongue.numbers
        assert is_fleeting(["hoje"], tongue)
