"""What `nav replay --compare` leaves behind on the terminal."""

import json
import threading

import pytest

from nav.cli import main


def test_no_progress_goes_on_where_json_is_asked_for(example, capsys):
    before = threading.active_count()
    with pytest.raises(SystemExit) as end:
        main(["replay", str(example), "--compare", "--json"])
    assert not end.value.code
    assert json.loads(capsys.readouterr().out)
    assert threading.active_count() == before
