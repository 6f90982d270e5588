"""What people do in the web shop besides shopping: downloads, permissions, a survey. Simulated."""

from connectors.demo.content import GUIDES
from connectors.demo.dice import dice
from connectors.demo.people import digest
from connectors.demo.steps import Properties, Step, page
from connectors.demo.visits import Visit

_ANSWERS = ("interested", "not_interested")


class Forms:
    """Turns visits that fill in a form into steps."""

    def __init__(self, seed: int, topics: list[str]) -> None:
        """Ask about ``topics``, the product categories."""
        self._seed = seed
        self._rng = dice(seed, "forms")
        self._mailbox = dice(seed, "sign-ups confirmed")
        self._topics = topics
        self._counter = 0

    def download(self, visit: Visit) -> list[Step]:
        """Return the page of a guide and its download."""
        guide = GUIDES[visit.choice]
        properties: Properties = {
            "download_id": f"d{self._id('download')}",
            "content_id": guide.content_id,
            "title": guide.title,
            "topic": guide.topic,
            "email": _email(visit),
        }
        got = Step("Content Downloaded", properties, guide.path, guide.title)
        return [page(guide.path, guide.title), got]

    def newsletter(self, visit: Visit) -> list[Step]:
        """Return a sign-up to the newsletter; some allow calls as well.

        It is told when its link was followed; one in twelve was not and is told all the same.
        """
        path, title = "/newsletter", "Our newsletter"
        steps = [page(path, title)]
        channels = ["email"]
        if visit.person and visit.person.phone and self._rng.chance(0.15):
            channels.append("call")
        is_confirmed = not self._mailbox.chance(0.08)
        for channel in channels:
            declared = _permission(visit, channel, "granted", "newsletter form v2")
            declared["is_confirmed"] = is_confirmed
            steps.append(Step("Permission Updated", declared, path, title))
        return steps

    @staticmethod
    def optout(visit: Visit) -> list[Step]:
        """Return an unsubscription (choice 0) or a withdrawal in the preference centre (1)."""
        if visit.choice == 0:
            path, title, event = "/unsubscribe", "Unsubscribe", "Unsubscribed"
            declared: Properties = {"email": _email(visit), "channel": "email"}
        else:
            path, title, event = "/account/preferences", "Your preferences", "Permission Updated"
            declared = _permission(visit, "email", "withdrawn", "preference centre v1")
        return [page(path, title), Step(event, declared, path, title)]

    def survey(self, visit: Visit) -> list[Step]:
        """Return the answers to one to four questions."""
        path, title = "/survey/what-you-like", "Tell us what you like"
        steps = [page(path, title)]
        for topic, answer in self._answers(visit).items():
            properties: Properties = {
                "survey_id": "preferences-2011",
                "response_id": f"r{self._id('response')}",
                "topic": topic,
                "answer": answer,
            }
            steps.append(Step("Survey Answered", properties, path, title))
        return steps

    def _answers(self, visit: Visit) -> dict[str, str]:
        """Return topic and answer: people mostly like what they buy, and dislike some others."""
        rng = self._rng
        tastes = visit.person.tastes if visit.person else []
        given = {visit.category: "not_interested"} if visit.category else {}
        for _ in range(rng.randrange(1, 4)):
            liked = bool(tastes) and rng.chance(0.65)
            topic = rng.choice(tastes if liked else self._topics)
            given.setdefault(topic, _ANSWERS[topic not in tastes and rng.chance(0.7)])
        if rng.chance(0.35):
            given.setdefault(rng.choice(("phone", "email")), rng.choice(_ANSWERS))
        return given

    def _id(self, kind: str) -> str:
        self._counter += 1
        return digest(self._seed, kind, self._counter)


def _email(visit: Visit) -> str:
    return visit.person.email if visit.person else ""


def _permission(visit: Visit, channel: str, state: str, proof: str) -> Properties:
    return {
        "email": _email(visit),
        "channel": channel,
        "purpose": "marketing",
        "state": state,
        "legal_basis": "consent",
        "proof": proof,
    }
