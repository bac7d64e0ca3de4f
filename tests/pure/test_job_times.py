"""When workers do what is done once for the desk."""

from blnk_api.worker.fleet.jobs import NOW_AND_THEN


def test_a_desk_is_tidied_up_as_often_by_workers_as_by_one_sender() -> None:
    assert NOW_AND_THEN == {
        "lapse": "* * * * * */30",
        "purge": "* * * * *",
        "expire": "0 * * * *",
        "connections": "* * * * * */10",
    }
