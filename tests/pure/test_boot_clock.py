"""The clock by which claims and leases grow old, whatever the machine's clocks do."""

from blnk_api.blnk.boot_clock import BootClock


class _Machine:
    def __init__(self) -> None:
        self.boot, self.wall = 100.0, 1_000_000.0

    def clock(self) -> BootClock:
        return BootClock(lambda: self.boot, lambda: self.wall)

    def passes(self, boot: float, wall: float) -> None:
        self.boot += boot
        self.wall += wall


def test_time_passes_as_on_the_clock_that_counts_suspend() -> None:
    machine = _Machine()
    clock = machine.clock()
    before = clock()
    machine.passes(boot=7.5, wall=7.5)
    assert clock() - before == 7.5


def test_a_small_clock_adjustment_invalidates_nothing() -> None:
    machine = _Machine()
    clock = machine.clock()
    before = clock()
    for _ in range(100):
        machine.passes(boot=1.0, wall=1.1)
        clock()
    assert clock() - before == 100.0


def test_a_machine_that_froze_with_all_its_clocks_loses_its_lease() -> None:
    """The hypervisor stopped it for an hour, and set its wall clock when it went on."""
    machine = _Machine()
    clock = machine.clock()
    before = clock()
    machine.passes(boot=0.25, wall=3_600.0)
    after = clock()
    assert after - before > 600.0
    machine.passes(boot=1.0, wall=1.0)
    assert clock() - after == 1.0, "what is promised from then on holds"


def test_a_wall_clock_that_is_set_back_loses_the_lease() -> None:
    machine = _Machine()
    clock = machine.clock()
    before = clock()
    machine.passes(boot=0.25, wall=-2.0)
    assert clock() - before > 600.0
