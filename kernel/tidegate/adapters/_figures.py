# SPDX-License-Identifier: MIT
"""What the collectors show: each metric by its two names, and how its fields and labels are written. See `metrics`."""

from dataclasses import dataclass
from math import inf
from typing import Any, Final, final

GOOD: Final = ("accepted", "released")  # outcomes that are no error


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """Describe one metric: its two names, its instrument, and the fields of the statistics that it shows, told apart by a label."""

    prometheus: str
    opentelemetry: str
    instrument: str
    unit: str
    text: str
    label: str
    fields: tuple[str, ...]
    more: tuple[str, ...] = ()  # fields that only an intake with patience has

    def of(self, statistics: object) -> list[str]:
        """Name the fields that these statistics have."""
        return [*self.fields, *(field for field in self.more if hasattr(statistics, field))]


FIGURES_OF_ALL: Final = (
    Figure(
        "tidegate_offers",
        "tidegate.offers",
        "counter",
        "{offer}",
        "Offers answered.",
        "outcome",
        ("accepted", "full", "closed"),
        ("late", "shed_limit", "shed_class"),
    ),
    Figure(
        "tidegate_finished",
        "tidegate.finished",
        "counter",
        "{item}",
        "Items finished.",
        "outcome",
        ("released", "abandoned"),
        ("expired",),
    ),
    Figure(
        "tidegate_slots", "tidegate.slot.count", "up_down_counter", "{slot}", "Slots.", "state", ("free", "queued", "in_flight")
    ),
    Figure("tidegate_capacity", "tidegate.slot.max", "up_down_counter", "{slot}", "Slots there are.", "", ("capacity",)),
    Figure("tidegate_peak", "tidegate.slot.peak", "gauge", "{slot}", "The most slots held at once so far.", "", ("peak",)),
    Figure(
        "tidegate_oldest_age_seconds",
        "tidegate.item.oldest_age",
        "gauge",
        "s",
        "How long the oldest queued item waits.",
        "",
        (),
        ("oldest_s",),
    ),
)
FIGURES: Final = (
    *FIGURES_OF_ALL,
    Figure("tidegate_limit", "tidegate.slot.limit", "gauge", "{slot}", "The most slots used, by the limit.", "", (), ("limit",)),
)
CLASS_FIGURES: Final = (  # of an admission, for each class: a label more, `class` and `tidegate.class`
    Figure(
        "tidegate_class_offers",
        "tidegate.class.offers",
        "counter",
        "{offer}",
        "Offers answered, by class.",
        "outcome",
        ("accepted", "full", "closed", "shed_limit", "shed_class"),
    ),
    Figure(
        "tidegate_class_in_progress",
        "tidegate.class.in_progress",
        "up_down_counter",
        "{item}",
        "In progress, by class.",
        "",
        ("in_progress",),
    ),
    Figure(
        "tidegate_class_threshold",
        "tidegate.class.threshold",
        "gauge",
        "{slot}",
        "Slots in use up to which the class is let in.",
        "",
        ("threshold",),
    ),
)
CLASS_SOJOURN: Final = Figure(
    "tidegate_class_sojourn_seconds",
    "tidegate.class.sojourn",
    "counter",
    "{item}",
    "How long those were inside that ended well, by class.",
    "",
    (),
)
SOJOURN: Final = Figure(
    "tidegate_sojourn_seconds", "tidegate.item.sojourn", "counter", "{item}", "How long items waited that were handed out.", "", ()
)
UNREADABLE: Final = Figure(
    "tidegate_unreadable", "tidegate.unreadable", "gauge", "{intake}", "Intakes whose statistics can't be read.", "", ()
)


def sojourn_of(statistics: object) -> tuple[tuple[float, int], ...]:
    """Give how many items waited up to each bound, and above the one before; nothing if the intake has no patience."""
    waited: tuple[tuple[float, int], ...] = getattr(statistics, "sojourn", ())
    return waited


def bound_text(bound_s: float) -> str:
    return "+Inf" if bound_s == inf else repr(float(bound_s))


def attributes_of(name: str, figure: Figure, field: str) -> dict[str, str]:
    attributes = {"tidegate.intake.name": name}
    if figure.label:
        attributes[f"tidegate.{figure.label}"] = value_of(field)
    if figure.label == "outcome" and field not in GOOD:
        attributes["error.type"] = value_of(field)
    return attributes


def value_of(field: str) -> str:
    """Give what a label says of a field: a refusal by a policy has the name of its answer."""
    return field.removeprefix("shed_")


def classes_of(statistics: object) -> tuple[Any, ...]:
    """Give what an admission tells of each class; nothing of anything else."""
    told: tuple[Any, ...] = getattr(statistics, "classes", ())
    return told
