"""Calls every operation with the client that openapi-python-client makes of the description."""

import datetime
import json
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx
from openapi_python.api.dead_letters import (
    discard_dead_letter,
    list_dead_letters,
    read_dead_letter,
    replay_dead_letter,
    replay_dead_letters,
)
from openapi_python.api.deliveries import list_deliveries
from openapi_python.api.events import (
    erase_event,
    export_events,
    list_events,
    read_event,
    reindex,
    replay_event,
    stats,
)
from openapi_python.api.service import calls, health, list_alerts, list_apps, status, test_alerts
from openapi_python.api.users import (
    compare,
    compare_user,
    erase_records,
    erase_user,
    list_followers,
    read_user,
    record_missed,
    top,
)
from openapi_python.client import AuthenticatedClient, Client
from openapi_python.models.alert_list import AlertList
from openapi_python.models.app_list import AppList
from openapi_python.models.calls import Calls
from openapi_python.models.compared import Compared
from openapi_python.models.dead_letter_page import DeadLetterPage
from openapi_python.models.delivery_page import DeliveryPage
from openapi_python.models.erased import Erased
from openapi_python.models.erased_records import ErasedRecords
from openapi_python.models.event_page import EventPage
from openapi_python.models.event_record import EventRecord
from openapi_python.models.export_events_format import ExportEventsFormat
from openapi_python.models.follower_page import FollowerPage
from openapi_python.models.healthy import Healthy
from openapi_python.models.kind import Kind
from openapi_python.models.list_alerts_language import ListAlertsLanguage
from openapi_python.models.list_deliveries_state import ListDeliveriesState
from openapi_python.models.listed_event import ListedEvent
from openapi_python.models.problem import Problem
from openapi_python.models.recorded_missed import RecordedMissed
from openapi_python.models.reindexed import Reindexed
from openapi_python.models.replayed import Replayed
from openapi_python.models.replayed_some import ReplayedSome
from openapi_python.models.stats import Stats
from openapi_python.models.stats_bucket import StatsBucket
from openapi_python.models.status import Status
from openapi_python.models.status_role import StatusRole
from openapi_python.models.status_sinks_item import StatusSinksItem
from openapi_python.models.tested_alerts import TestedAlerts
from openapi_python.models.top import Top
from openapi_python.models.top_by import TopBy
from openapi_python.models.user import User
from openapi_python.models.whole_dead_letter import WholeDeadLetter
from openapi_python.types import UNSET

WORKER = os.environ["WORKER"]
APP = int(os.environ["APP"])
USER_ID = os.environ["USER_ID"]

T = TypeVar("T")


def say(response: httpx.Response) -> None:
    """Says which operation was called, for the test that started this."""
    print(response.request.method, response.request.url.path, response.status_code)


def plain_spaces(request: httpx.Request) -> None:
    """Has a space of the query be `%20`, as docs/api.md shows it: httpx writes `+`, which is a plus sign to the API."""
    request.url = request.url.copy_with(query=request.url.query.replace(b"+", b"%20"))


hooks = {"event_hooks": {"request": [plain_spaces], "response": [say]}}
anybody = Client(base_url=WORKER, httpx_args=hooks)
client = AuthenticatedClient(base_url=WORKER, token=os.environ["ADMIN_TOKEN"], httpx_args=hooks)


def data(kind: type[T], response: object) -> T:
    """The response of a call that succeeded, which is of this type."""
    assert isinstance(response, kind), response
    return response


def until(holds: Callable[[], bool], what: str) -> None:
    """Asks again until what it says is true, for at most ten seconds."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


assert data(Healthy, health.sync(client=anybody)).status == "ok"
state = data(Status, status.sync(client=client))
assert state.role == StatusRole.ADMIN and StatusSinksItem.ORIGIN in state.sinks and not state.settings
apps = data(AppList, list_apps.sync(client=client))
assert APP in apps.apps and apps.removed == []

indexed = 0
cursor: str | None = None
while True:
    step = data(Reindexed, reindex.sync(client=client, cursor=cursor or UNSET))
    indexed += step.indexed
    cursor = step.cursor
    if cursor is None:
        break
assert indexed == 3

events: list[ListedEvent] = []
since = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
while True:
    page = data(EventPage, list_events.sync(client=client, app=APP, since=since, limit=1, cursor=cursor or UNSET))
    assert page.damaged == []
    events += page.events
    cursor = page.cursor
    if cursor is None:
        break
assert len(events) == 3 and all(event.sdk_app_id == APP for event in events)
newest = events[0]

record = data(EventRecord, read_event.sync(client=client, app=APP, id=newest.id))
assert record.body["From_Account"] == newest.from_account and record.delivery is None

jsonl = export_events.sync_detailed(client=client, app=APP)
lines = [json.loads(line) for line in data(str, jsonl.parsed).splitlines()]
assert [line.get("id") for line in lines] == [event.id for event in events] + [None]
assert "next-cursor" not in jsonl.headers
csv = data(str, export_events.sync(client=client, app=APP, format_=ExportEventsFormat.CSV))
assert csv.startswith("event_time,kind,actor,")

counts = data(Stats, stats.sync(client=client, app=APP, bucket=StatsBucket.DAY))
assert sum(bucket.unfollows for bucket in counts.buckets) == 3
user = data(User, read_user.sync(client=client, app=APP, user=USER_ID))
assert user.user == USER_ID and user.following.removed == 1
ranking = data(Top, top.sync(client=client, app=APP, by=TopBy.LOST, limit=1))
assert ranking.users[0].user == "bob"
followers = data(FollowerPage, list_followers.sync(client=client, app=APP, user="bob"))
assert followers.followers == [] and followers.covered_since is not None
compared = data(Compared, compare_user.sync(client=client, app=APP, user="bob"))
assert (compared.checked, compared.unknown_to_log, compared.cursor) == (1, 1, None)
outcome = record_missed.sync(
    client=client, app=APP, user="bob", actor=USER_ID, kind=Kind.UNFOLLOW, event_time=newest.event_time
)
assert data(RecordedMissed, outcome).outcome.value == "known"
checked = 0
while True:
    span = data(Compared, compare.sync(client=client, app=APP, cursor=cursor or UNSET))
    checked += span.checked
    cursor = span.cursor
    if cursor is None:
        break
assert checked == 1
counted = data(Calls, calls.sync(client=client))
assert counted.hours == [] and counted.last_call_at is None
assert data(AlertList, list_alerts.sync(client=client, app=APP, language=ListAlertsLanguage.ZH)).complete
tested = data(TestedAlerts, test_alerts.sync(client=client))
assert tested.targets[0].service.value == "dingtalk"

assert data(Replayed, replay_event.sync(client=client, app=APP, id=newest.id)).replayed == 1


def is_delivered() -> bool:
    """Whether the replayed event has come to the origin."""
    deliveries = list_deliveries.sync(client=client, app=APP, state=ListDeliveriesState.DELIVERED)
    return any(it.event_id == newest.id and it.attempts == 1 for it in data(DeliveryPage, deliveries).deliveries)


until(is_delivered, "the delivery")

first, second, *others = data(DeadLetterPage, list_dead_letters.sync(client=client, app=APP)).dead_letters
letter = data(WholeDeadLetter, read_dead_letter.sync(client=client, app=APP, id=first.id))
assert isinstance(letter.event, ListedEvent)
assert letter.event.from_account == "alice" and letter.last_status == 500
assert data(Replayed, replay_dead_letter.sync(client=client, app=APP, id=first.id)).replayed == 1
discarded = discard_dead_letter.sync_detailed(client=client, app=APP, id=second.id)
assert discarded.status_code == HTTPStatus.NO_CONTENT
some = data(ReplayedSome, replay_dead_letters.sync(client=client, app=APP))
assert some.replayed >= len(others) > 0 and some.cursor is None

gone = erase_event.sync_detailed(client=client, app=APP, id=newest.id)
assert gone.status_code == HTTPStatus.NO_CONTENT
problem = data(Problem, read_event.sync(client=client, app=APP, id=newest.id))
assert problem.status == 404 and problem.detail

erased = data(Erased, erase_user.sync(client=client, app=APP, user=USER_ID))
assert erased.deleted == 1 and not erased.more
searched = data(ErasedRecords, erase_records.sync(client=client, app=APP, user=USER_ID))
assert searched.deleted == 0 and searched.cursor is None
