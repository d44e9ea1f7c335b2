"""The models beside the X-ray one that the marathon and the fault suite run on."""

from __future__ import annotations

from tests.support.film_rental_workload import FilmRental
from tests.support.slide_registry import SlideRegistry
from tests.support.workload import Workload

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in (SlideRegistry(), FilmRental())}
