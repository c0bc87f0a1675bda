"""A request as admission sees it."""

from esg_core.overload.admission import Admission, Place


class Request:
    """A request that enters or waits, and records what becomes of it; by default on a connection of its own."""

    def __init__(
        self, admission: Admission, events: list[str] | None = None, name: str = "", connection: object = None
    ) -> None:
        self.admission = admission
        self.events = events if events is not None else []
        self.name = name
        self.connection = connection if connection is not None else self
        self.place: Place | None = None

    def come(self) -> str:
        """What becomes of it at once."""
        has_slot = self.admission.enter(self)
        assert isinstance(has_slot, bool)
        if has_slot:
            return "runs"
        return {True: "waits", False: "refused"}[self.admission.wait(self)]

    def end(self) -> None:
        place, self.place = self.place, None
        assert place is not None
        place.release()

    def admit(self, place: Place) -> None:
        self.place = place
        self.events.append(f"{self.name} runs")

    def refuse(self) -> None:
        self.events.append(f"{self.name} refused")
