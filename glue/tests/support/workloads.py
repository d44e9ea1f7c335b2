"""The models that the fault suite runs on; those beside the X-ray one have a client of their own here."""

from __future__ import annotations

import pytest
from _pytest.mark.structures import ParameterSet

from tests.support.film_rental_workload import FilmRental
from tests.support.slide_registry import SlideRegistry
from tests.support.workload import Model, Workload
from tests.support.x_ray_model import XRay

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in (SlideRegistry(), FilmRental())}
MODELS: dict[str, Model] = {model.name: model for model in (XRay(), *WORKLOADS.values())}


def on_every_model() -> list[ParameterSet]:
    """The parameters of a test that takes the X-ray model, and the others with `--every-model`."""
    first, *others = MODELS
    return [pytest.param(first), *(pytest.param(name, marks=pytest.mark.every_model) for name in others)]
