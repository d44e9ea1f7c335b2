"""Patches by which an event and a log line get as far as on AWS: to a topic's subscribers, and into a metric."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.logs.models import LogsBackend
from moto.sns.models import sns_backends
from moto.utilities.arns import parse_arn
from patch import patch

Original = Callable[..., Any]

EVENTBRIDGE_GUIDE = "https://docs.aws.amazon.com/eventbridge/latest/userguide"
LOGS_GUIDE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs"


@patch(EventTemplateParser, aws=f"{EVENTBRIDGE_GUIDE}/eb-transform-target-input.html")
def parse(parse: Original, input_template: str | None, input_paths_map: dict[str, str], event: dict[str, Any]) -> Any:
    """moto puts a text into a JSON template without its quotes, also where the placeholder is a whole value."""
    if input_template is None or not input_template.startswith("{"):
        return parse(input_template=input_template, input_paths_map=input_paths_map, event=event)

    def value(placeholder: re.Match[str]) -> str:
        found: Any = event
        for key in input_paths_map[placeholder[1]].removeprefix("$.").split("."):
            found = found[key]
        return f": {json.dumps(found)}"

    return json.loads(re.sub(r": <([\w-]+)>", value, input_template))


@patch(Rule, aws=f"{EVENTBRIDGE_GUIDE}/eb-targets.html")
def send_to_targets(send: Original, self: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
    """moto sends no event to a topic."""
    targets = self.targets
    topics = [target for target in targets if parse_arn(target["Arn"]).service == "sns"]
    self.targets = [target for target in targets if target not in topics]
    try:
        send(self, original_event, transform_input)
    finally:
        self.targets = targets
    if self.event_pattern.matches_event(original_event):
        for target in topics:
            transformer = target.get("InputTransformer", {})
            message = EventTemplateParser.parse(
                input_template=transformer.get("InputTemplate"),
                input_paths_map=transformer.get("InputPathsMap", {}),
                event=original_event,
            )
            sns_backends[self.account_id][self.region_name].publish(
                json.dumps(message, ensure_ascii=False), arn=target["Arn"]
            )


@patch(LogsBackend, aws=f"{LOGS_GUIDE}/MonitoringLogData.html")
def put_log_events(
    put: Original, self: LogsBackend, log_group_name: str, log_stream_name: str, log_events: list[dict[str, Any]]
) -> Any:
    """moto keeps metric filters, and makes no metric of them."""
    result = put(self, log_group_name, log_stream_name, log_events)
    for filter_ in self.filters.get_matching_filters(log_group_name=log_group_name):
        for event in log_events:
            if _matches(filter_["filterPattern"], event["message"]):
                for transformation in filter_["metricTransformations"]:
                    _add_to_metric(self, transformation, event)
    return result


def _matches(pattern: str, line: str) -> bool:
    """Tells whether a line has the phrase in quotes, or is JSON that fulfils each condition."""
    if phrase := re.fullmatch(r'"([^"]+)"', pattern):
        return phrase[1] in line
    conditions = re.fullmatch(r"\{ (.+) \}", pattern)
    if conditions is None:
        raise NotImplementedError(f"the filter pattern {pattern}")
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return all(_holds(condition, fields) for condition in conditions[1].split(" && "))


def _holds(condition: str, fields: dict[str, Any]) -> bool:
    match = re.fullmatch(r'\$\.(\w+) = (?:"([^"*]*)"|\*)', condition)
    if match is None:
        raise NotImplementedError(f"the condition {condition}")
    name, text = match.groups()
    return name in fields and text in (None, fields[name])


def _add_to_metric(backend: LogsBackend, transformation: dict[str, Any], event: dict[str, Any]) -> None:
    value = transformation["metricValue"]
    if value.startswith("$."):
        value = json.loads(event["message"])[value[2:]]
    datum = {
        "MetricName": transformation["metricName"],
        "Value": float(value),
        "Unit": transformation.get("unit", "None"),
        "Timestamp": datetime.fromtimestamp(event["timestamp"] / 1000, UTC).replace(tzinfo=None),
    }
    cloudwatch = cloudwatch_backends[backend.account_id][backend.region_name]
    cloudwatch.put_metric_data(transformation["metricNamespace"], [datum])
