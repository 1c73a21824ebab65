"""Uses the client that a generator made of the API's document: `client.py SERVER TOKEN`."""

import sys
from uuid import UUID

from ringtag_client import AuthenticatedClient
from ringtag_client.api.calls import (
    calls_csv,
    change_call,
    change_calls,
    get_call,
    list_calls,
    pin_note,
    unpin_note,
)
from ringtag_client.api.house import list_tokens, make_token, revoke_token, who_am_i
from ringtag_client.api.sound import get_recording
from ringtag_client.models import (
    BulkChange,
    CallChange,
    GetRecordingDownload,
    ListCallsStatus,
    NewNote,
    NewToken,
    Refusal,
    Role,
)


def main(server: str, secret: str) -> None:
    client = AuthenticatedClient(base_url=server, token=secret)
    assert who_am_i.sync(client=client).role == "admin"

    page = list_calls.sync(client=client, limit=1)
    answered = list_calls.sync(client=client, status=ListCallsStatus.ANSWERED).calls
    assert len(page.calls) == 1 and page.next_ is not None
    rest = list_calls.sync(client=client, cursor=page.next_)
    assert len(rest.calls) == 1 and rest.next_ is None

    call = answered[0]
    seen = get_call.sync_detailed(call.id, client=client)
    assert seen.headers["etag"] == f'"{call.version}"'
    assert seen.parsed == call
    assert len(call.legs) == 2 and call.recording.channels == 2

    # Two people at once: the second one is told.
    change = CallChange(goal="price", tags=["hot"], value=12.5, note=None)
    one = change_call.sync(call.id, client=client, body=change, if_match=seen.headers["etag"])
    assert (one.goal, one.tags, one.value, one.note) == ("price", ["hot"], 12.5, None)
    other = change_call.sync_detailed(
        call.id, client=client, body=CallChange(goal="order"), if_match=seen.headers["etag"]
    )
    assert other.status_code == 412 and isinstance(other.parsed, Refusal), other
    assert other.parsed.error.code == "changed"
    assert other.parsed.error["version"] == one.version

    ids = [UUID(str(call.id)) for call in page.calls + rest.calls]
    many = change_calls.sync(client=client, body=BulkChange(ids=ids, set_=CallChange(target=True)))
    assert [result.status for result in many.results] == [200, 200]
    assert len(list_calls.sync(client=client, target=True).calls) == 2

    noted = pin_note.sync(call.id, client=client, body=NewNote(at_ms=100, text="hello"))
    assert noted.notes[-1].text == "hello" and noted.notes[-1].by == "token test"
    gone = unpin_note.sync(call.id, noted.notes[-1].id, client=client)
    assert gone.notes == []

    sound = get_recording.sync(call.id, client=client, download=GetRecordingDownload.VALUE_1)
    assert sound.payload.read(4) == b"RIFF"
    table = calls_csv.sync_detailed(client=client)
    assert table.content.count(b"\r\n") == 3

    made = make_token.sync(client=client, body=NewToken(name="crm", role=Role.ANALYST))
    counts = AuthenticatedClient(base_url=server, token=made.secret)
    masked = list_calls.sync(client=counts).calls[0]
    assert "*" in masked.caller, masked.caller
    assert get_recording.sync_detailed(call.id, client=counts).status_code == 403
    assert revoke_token.sync_detailed(made.id, client=client).status_code == 204
    assert [token.name for token in list_tokens.sync(client=client).tokens] == ["test"]
    assert who_am_i.sync_detailed(client=counts).status_code == 401


main(sys.argv[1], sys.argv[2])
