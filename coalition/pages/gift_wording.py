"""The words of gifts between members."""

from typing import Final

EN: Final = {
    "gift.link": "Give points to another member",
    "gift.title": "Give points",
    "gift.intro": "You have {available}. A card may give {limit} points a day. What is given keeps its date of expiry, "
    "and can not be taken back.",
    "gift.switched_off": "Points can not be given to other members in this programme.",
    "gift.card": "Card number of who gets them",
    "gift.points": "Points",
    "gift.send": "Send me a code",
    "gift.code_note": "You then get a code by e-mail, valid for {minutes} minutes. No point moves without it.",
    "gift.card_wrong": "Enter the card number as it is printed, such as 2760 0000 0001 8.",
    "gift.points_wrong": "Enter a whole number of points, 1 or more.",
    "gift.unknown_card": "There is no card with this number. Compare it with the card, digit by digit.",
    "gift.off": "Points can not be given to other members in this programme.",
    "gift.card_state": "One of the two cards is blocked or no longer valid.",
    "gift.may_not_spend": "You may collect with this account, and not spend or give its points.",
    "gift.own_card": "This card belongs to your own account.",
    "gift.day_limit": "That is more than your card may give today: {points} are left.",
    "gift.not_available": "So many points are not available: {points} can be given now.",
    "gift.pause": "You had a code a moment ago. Wait a minute, then ask for another; you get ten an hour at most.",
    "gift.code.intro": "To give {points} to card {card}, enter the code that is on its way to your e-mail address.",
    "gift.code.send": "Give the points",
    "gift.made.title": "Given",
    "gift.made.text": "{points} went to the other card. You find it in your history.",
    "gift.mail.subject": "{code} is your code to give {points} points",
    "gift.mail.text": "Hello\n\nYou want to give {points} of your points in {programme} to card {card}. If so, enter "
    "this code:\n\n    {code}\n\nIt is valid for {minutes} minutes and works once. If it was not you, give it to "
    "nobody: without it the points stay yours.\n",
}
DE: Final = {
    "gift.link": "Punkte an ein anderes Mitglied verschenken",
    "gift.title": "Punkte verschenken",
    "gift.intro": "Sie haben {available}. Eine Karte darf am Tag {limit} Punkte verschenken. Was verschenkt ist, "
    "behält sein Verfallsdatum und lässt sich nicht zurückholen.",
    "gift.switched_off": "In diesem Programm lassen sich keine Punkte verschenken.",
    "gift.card": "Kartennummer, die sie bekommt",
    "gift.points": "Punkte",
    "gift.send": "Code zusenden",
    "gift.code_note": "Sie bekommen dann einen Code per E-Mail, gültig {minutes} Minuten. Ohne ihn bleibt alles, wie "
    "es ist.",
    "gift.card_wrong": "Geben Sie die Kartennummer so ein, wie sie gedruckt ist, etwa 2760 0000 0001 8.",
    "gift.points_wrong": "Geben Sie eine ganze Zahl von Punkten ein, 1 oder mehr.",
    "gift.unknown_card": "Eine Karte mit dieser Nummer gibt es nicht. Vergleichen Sie Ziffer für Ziffer.",
    "gift.off": "In diesem Programm lassen sich keine Punkte verschenken.",
    "gift.card_state": "Eine der beiden Karten ist gesperrt oder nicht mehr gültig.",
    "gift.may_not_spend": "Sie dürfen auf diesem Konto sammeln, aber keine Punkte einlösen oder verschenken.",
    "gift.own_card": "Diese Karte gehört zu Ihrem eigenen Konto.",
    "gift.day_limit": "Das ist mehr, als Ihre Karte heute verschenken darf: {points} sind noch frei.",
    "gift.not_available": "So viele Punkte sind nicht verfügbar: {points} lassen sich jetzt verschenken.",
    "gift.pause": "Eben ging schon ein Code an Sie. Warten Sie eine Minute; höchstens zehn gibt es in der Stunde.",
    "gift.code.intro": "Um {points} an Karte {card} zu verschenken, geben Sie den Code ein, der an Ihre E-Mail-Adresse "
    "geht.",
    "gift.code.send": "Punkte verschenken",
    "gift.made.title": "Verschenkt",
    "gift.made.text": "{points} gingen an die andere Karte. Sie finden das in Ihrem Verlauf.",
    "gift.mail.subject": "{code} ist Ihr Code, um {points} Punkte zu verschenken",
    "gift.mail.text": "Guten Tag\n\nSie möchten {points} Ihrer Punkte bei {programme} an Karte {card} verschenken. "
    "Dann geben Sie diesen Code ein:\n\n    {code}\n\nEr gilt {minutes} Minuten und nur einmal. Waren Sie das nicht, "
    "dann geben Sie ihn niemandem: ohne ihn bleiben die Punkte Ihre.\n",
}
