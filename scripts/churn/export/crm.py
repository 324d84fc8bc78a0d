"""Tasks in the import formats of HubSpot and Salesforce.

HubSpot: the properties of its tasks, https://developers.hubspot.com/docs/api/crm/tasks.
Salesforce: the fields of the object Task,
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_task.htm.

Completed steps are left out. `Task id` is the same in every export: map it to a custom field, so
that the CRM recognises a repeated task.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from churn.export.rows import Customers
from churn.export.tables import steps
from churn.terminal import plain
from churn.warehouse import Row

HUBSPOT = (
    "hs_task_subject",
    "hs_timestamp",
    "hs_task_type",
    "hs_task_priority",
    "hs_task_status",
    "hs_task_body",
    "hubspot_owner_id",
    "Company name",
    "Account id",
    "Task id",
)
SALESFORCE = (
    "Subject",
    "ActivityDate",
    "Status",
    "Priority",
    "TaskSubtype",
    "Description",
    "WhatId",
    "Account name",
    "Owner name",
    "Task id",
)

_HUBSPOT_TYPES = {"call": "CALL", "email": "EMAIL"}
_HUBSPOT_PRIORITIES = {"High": "HIGH", "Medium": "MEDIUM"}
_SALESFORCE_SUBTYPES = {"call": "Call", "email": "Email"}
_SALESFORCE_PRIORITIES = {"High": "High", "Medium": "Normal"}
# Salesforce's maximum length of a subject
_SUBJECT_LENGTH = 255


def hubspot(customers: Customers) -> Iterator[Sequence[Any]]:
    """Yield one row per open step, with the columns of `HUBSPOT`."""
    for customer, step in _open_steps(customers):
        yield (
            _subject(customer, step),
            _due(step["due_date"]),
            _HUBSPOT_TYPES.get(step["channel"], "TODO"),
            _HUBSPOT_PRIORITIES[customer["risk_level"]],
            "NOT_STARTED",
            _body(customer, step),
            # HubSpot finds an owner by name or address; a role is neither
            customer["csm_name"],
            customer["account"],
            customer["account_id"],
            step["task_id"],
        )


def salesforce(customers: Customers) -> Iterator[Sequence[Any]]:
    """Yield one row per open step, with the columns of `SALESFORCE`."""
    for customer, step in _open_steps(customers):
        yield (
            _subject(customer, step),
            step["due_date"],
            "Not Started",
            _SALESFORCE_PRIORITIES[customer["risk_level"]],
            _SALESFORCE_SUBTYPES.get(step["channel"], "Task"),
            _body(customer, step),
            customer["account_id"],
            customer["account"],
            step["owner"],
            step["task_id"],
        )


def _open_steps(customers: Customers) -> Iterator[tuple[Row, Row]]:
    return ((customer, step) for customer, step in steps(customers) if not step["is_done"])


def _due(day: date) -> str:
    """A UTC timestamp for HubSpot, at noon: the same day in nearly every time zone."""
    return f"{day}T12:00:00Z"


def _subject(customer: Row, step: Row) -> str:
    return plain(f"{step['step']}: {customer['account']}", _SUBJECT_LENGTH)


def _body(customer: Row, step: Row) -> str:
    lines = [
        f"Why: {step['why'] or 'part of every plan'}",
        f"Customer: {customer['customer_id']}, {customer['risk_level']} risk, score "
        f"{customer['risk_score']}",
        f"Owner: {step['owner']}; step {step['step_number']} of {len(customer['steps'])}",
    ]
    return "\n".join(plain(line) for line in lines)
