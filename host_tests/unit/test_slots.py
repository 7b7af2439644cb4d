import unittest
from time import ticks_add

from firmware.slots import (
    BUSY,
    FREE,
    GONE,
    GRACE_MS,
    IDLE,
    LINGERING,
    NEW,
    NOT_CUT,
    PURGED,
    READING,
    SENDING,
    STOPPED,
    TAKEN,
    TIMED_OUT,
    SlotTable,
)

STATES = (FREE, NEW, IDLE, READING, BUSY, SENDING, TAKEN, LINGERING)
# How each state is reached from FREE.
WAYS = {
    FREE: (),
    NEW: (NEW,),
    IDLE: (NEW, BUSY, SENDING, IDLE),
    READING: (NEW, READING),
    BUSY: (NEW, BUSY),
    SENDING: (NEW, BUSY, SENDING),
    TAKEN: (NEW, BUSY, TAKEN),
    LINGERING: (NEW, LINGERING),
}
MAX_USE = 0x3FFFFFFF  # the largest small integer of a board
ARRIVAL_MS = 300  # what a newcomer has until its request is there, when nothing has gone wrong
LATER = 1000  # past all grace


def put(slot, state, now=0, timeout_ms=None):
    """Brings a slot into a state, on a way that the table allows; it gets there at `now`."""
    if slot.state != FREE:
        slot.enter(FREE, now)
    for each in WAYS[state]:
        slot.enter(each, now, timeout_ms if each == state else None)


class Table(unittest.TestCase):
    def setUp(self):
        self.changes = []
        self.table = SlotTable(3, lambda: self.changes.append(1))

    def fill(self, *states):
        """The slots, in these states since the time 0."""
        for slot, state in zip(self.table.slots, states):
            put(slot, state)
        return self.table.slots


class TestStates(Table):
    def check_row(self, state, *successors):
        for successor in STATES:
            slot = SlotTable(1, lambda: None).slots[0]
            put(slot, state)
            if successor in successors:
                slot.enter(successor, 0)
                self.assertEqual(slot.state, successor)
            else:
                with self.assertRaises(RuntimeError):
                    slot.enter(successor, 0)
                self.assertEqual(slot.state, state)

    def test_a_free_slot_gets_a_newcomer(self):
        self.check_row(FREE, NEW)

    def test_a_newcomer_sends_a_request_or_is_turned_away(self):
        self.check_row(NEW, READING, BUSY, LINGERING, FREE)

    def test_an_idle_connection_sends_its_next_request(self):
        self.check_row(IDLE, READING, BUSY, LINGERING, FREE)

    def test_a_request_is_received_in_parts_and_then_served_or_refused(self):
        self.check_row(READING, READING, BUSY, LINGERING, FREE)

    def test_a_handler_gives_a_response_or_takes_the_connection_over(self):
        self.check_row(BUSY, SENDING, TAKEN, LINGERING, FREE)

    def test_a_connection_idles_or_lingers_behind_its_response(self):
        self.check_row(SENDING, IDLE, LINGERING, FREE)

    def test_a_connection_that_was_taken_over_gets_a_response_or_ends(self):
        self.check_row(TAKEN, SENDING, LINGERING, FREE)

    def test_a_connection_idles_when_the_rest_of_the_request_was_read(self):
        self.check_row(LINGERING, IDLE, LINGERING, FREE)

    def test_what_makes_room_is_told_and_nothing_else(self):
        put(self.table.slots[0], SENDING)
        self.assertEqual(len(self.changes), 0)
        for state, count in ((IDLE, 1), (LINGERING, 2), (FREE, 3)):
            self.table.slots[0].enter(state, 0)
            self.assertEqual(len(self.changes), count)

    def test_a_state_is_at_work_has_a_request_or_is_answerable(self):
        for state, at_work, has_request, answerable in (
            (FREE, False, False, False),
            (NEW, False, False, True),
            (IDLE, False, False, True),
            (READING, False, True, True),
            (BUSY, True, True, True),
            (SENDING, True, False, False),
            (TAKEN, True, False, False),
            (LINGERING, False, False, False),
        ):
            slot = self.table.slots[0]
            put(slot, state)
            self.assertEqual(slot.is_at_work(), at_work)
            self.assertEqual(slot.has_request(), has_request)
            self.assertEqual(slot.is_answerable(), answerable)

    def test_a_slot_forgets_its_request_when_that_is_over(self):
        slot = self.table.slots[0]
        for state in IDLE, FREE:
            put(slot, SENDING)
            slot.lasts = True
            slot.route = print
            slot.enter(state, 0)
            self.assertEqual((slot.lasts, slot.route), (False, None))

    def test_a_slot_that_is_free_is_not_cut_any_more(self):
        slot = self.table.slots[0]
        put(slot, BUSY)
        slot.cut(GONE, 0)
        slot.enter(FREE, 0)
        self.assertEqual(slot.reason, NOT_CUT)


class TestPurge(Table):
    def victim(self, now=LATER, is_urgent=False):
        return self.table.find_victim(now, is_urgent)

    def test_a_free_slot_is_found_until_all_are_taken(self):
        self.assertIs(self.table.find_free(), self.table.slots[0])
        self.fill(NEW, NEW, NEW)
        self.assertIsNone(self.table.find_free())
        self.assertEqual(self.table.count_open(), 3)

    def test_the_spare_slot_is_never_free_for_anyone_nor_counted(self):
        self.fill(BUSY, BUSY, BUSY)
        self.assertIsNone(self.table.find_free())
        put(self.table.spare, NEW)
        self.assertEqual(self.table.count_open(), 3)
        self.assertIsNone(self.victim())
        self.assertTrue(self.table.is_all_at_work())

    def test_the_least_recently_used_idle_slot_is_purged(self):
        first, second, third = self.fill(IDLE, IDLE, IDLE)
        first.touch()
        self.assertIs(self.victim(), second)
        second.touch()
        self.assertIs(self.victim(), third)

    def test_the_order_of_use_survives_the_end_of_the_count(self):
        first, second, third = self.fill(IDLE, IDLE, IDLE)
        self.table.use = MAX_USE
        first.touch()
        self.table.count_lasting(0)
        self.assertLess(self.table.use, 10)
        first.touch()
        second.touch()
        self.assertIs(self.victim(), third)
        third.touch()
        self.assertIs(self.victim(), first)

    def test_a_slot_at_work_is_never_purged(self):
        slots = self.fill(BUSY, SENDING, TAKEN)
        for is_urgent in False, True:
            self.assertIsNone(self.victim(is_urgent=is_urgent))
        self.assertTrue(self.table.is_all_at_work())
        slots[1].enter(IDLE, 0)
        self.assertIs(self.victim(), slots[1])
        self.assertFalse(self.table.is_all_at_work())

    def test_a_lingering_slot_is_purged_at_once(self):
        slots = self.fill(BUSY, LINGERING, BUSY)
        self.assertIs(self.victim(0), slots[1])
        self.assertFalse(self.table.is_all_at_work())

    def test_defect_i_a_connection_that_sends_is_in_use_too(self):
        first, second, _ = self.fill(SENDING, IDLE, IDLE)
        second.touch()
        first.touch()  # it received long ago; since then it only sends
        first.enter(IDLE, 0)
        self.assertTrue(self.victim() is not first)

    def test_a_newcomer_is_not_the_first_victim(self):
        slots = self.fill(BUSY, BUSY, NEW)
        for is_urgent in False, True:
            self.assertIsNone(self.victim(ARRIVAL_MS - 1, is_urgent))
        self.assertIs(self.victim(ARRIVAL_MS), slots[2])

    def test_a_request_that_comes_in_parts_is_spared_in_its_first_moment(self):
        slots = self.fill(BUSY, BUSY, READING)
        self.assertIsNone(self.victim(ARRIVAL_MS - 1, True))
        self.assertIs(self.victim(ARRIVAL_MS), slots[2])

    def test_a_client_just_answered_is_spared_unless_it_is_urgent(self):
        slots = self.fill(IDLE, IDLE, NEW)
        self.assertIsNone(self.victim(GRACE_MS - 1))
        self.assertIs(self.victim(GRACE_MS - 1, True), slots[0])
        self.assertIs(self.victim(GRACE_MS), slots[0])

    def test_only_one_is_purged_at_a_time(self):
        first, second, _ = self.fill(IDLE, IDLE, IDLE)
        first.cut(PURGED, 0)
        self.assertIsNone(self.victim())
        first.enter(FREE, LATER)
        self.assertIs(self.victim(), second)

    def test_a_busy_slot_that_is_being_cut_is_about_to_be_free(self):
        slots = self.fill(BUSY, BUSY, BUSY)
        slots[1].cut(GONE, 0)
        self.assertFalse(self.table.is_all_at_work())

    def test_one_that_did_not_end_when_it_was_cut_is_not(self):
        slots = self.fill(BUSY, BUSY, BUSY)
        for _ in range(2):
            slots[1].cut(GONE, 0)
        self.assertTrue(self.table.is_all_at_work())
        for state in (FREE, NEW, BUSY):
            slots[1].enter(state, 0)
        slots[1].cut(GONE, 0)
        self.assertFalse(self.table.is_all_at_work())


class TestPatience(Table):
    def patience(self):
        """How long a newcomer is spared, in ms."""
        self.fill(BUSY, BUSY, NEW)
        ms = 0
        while self.table.find_victim(ms, True) is None:
            ms += 1
        return ms

    def purge_newcomers(self, count, state=NEW):
        for _ in range(count):
            slot = self.table.slots[2]
            put(slot, state)
            slot.cut(PURGED, 0)

    def test_it_halves_with_each_client_purged_before_its_request_had_come(self):
        self.assertEqual(self.patience(), 300)
        self.purge_newcomers(1)
        self.assertEqual(self.table._arrival_ms, 150)
        self.purge_newcomers(1, READING)
        self.assertEqual(self.table._arrival_ms, 80)  # it had begun, which brought 10 ms back

    def test_it_never_falls_below_the_grace(self):
        self.purge_newcomers(20)
        self.assertEqual(self.table._arrival_ms, GRACE_MS)

    def test_who_is_purged_between_requests_or_lingering_takes_none_of_it(self):
        self.purge_newcomers(1, IDLE)
        self.purge_newcomers(1, LINGERING)
        self.assertEqual(self.table._arrival_ms, ARRIVAL_MS)

    def test_nor_does_a_client_that_is_cut_for_another_reason(self):
        for reason in TIMED_OUT, STOPPED, GONE:
            put(self.table.slots[0], NEW)
            self.table.slots[0].cut(reason, 0)
        self.assertEqual(self.table._arrival_ms, ARRIVAL_MS)

    def answer(self, *states):
        """A newcomer's request, and its response."""
        slot = self.table.slots[0]
        put(slot, NEW)
        for each in states + (BUSY, SENDING, FREE):
            slot.enter(each, 0)

    def test_who_sends_many_requests_on_one_connection_brings_nothing_of_it_back(self):
        self.answer()
        put(self.table.slots[0], IDLE)
        self.purge_newcomers(2)
        self.table.slots[0].enter(BUSY, 0)
        self.assertEqual(self.table._arrival_ms, 75)

    def test_a_newcomer_whose_request_comes_in_parts_or_has_a_body_brings_some_of_it_back(self):
        self.purge_newcomers(2)
        self.answer(READING, READING)
        self.assertEqual(self.table._arrival_ms, 85)

    def test_each_newcomer_that_sends_its_request_brings_some_of_it_back_up_to_what_there_was(self):
        self.purge_newcomers(2)
        self.answer()
        self.assertEqual(self.table._arrival_ms, 85)
        for _ in range(40):
            self.answer()
        self.assertLess(self.table._arrival_ms, ARRIVAL_MS + 10)


class TestLasting(Table):
    def has_room(self, now=0):
        return self.table.has_room_to_last(now)

    def test_all_slots_but_one_may_stay(self):
        slots = self.fill(TAKEN, BUSY, BUSY)
        self.assertTrue(self.has_room())
        slots[1].enter(TAKEN, 0)
        self.assertFalse(self.has_room())

    def test_a_slot_that_has_ended_makes_room_again(self):
        slots = self.fill(TAKEN, TAKEN, BUSY)
        self.assertFalse(self.has_room())
        slots[0].enter(FREE, 0)
        self.assertTrue(self.has_room())

    def test_a_response_that_stays_counts_from_its_start(self):
        slots = self.fill(SENDING, BUSY, BUSY)
        slots[0].lasts = slots[1].lasts = True
        self.table.count_lasting(0)
        self.assertFalse(self.has_room())

    def test_what_is_at_work_for_five_seconds_counts_too(self):
        self.fill(SENDING, BUSY, BUSY)
        self.table.count_lasting(4999)
        self.assertTrue(self.has_room(4999))
        self.table.count_lasting(5000)
        self.assertEqual(self.table.lasting, 3)
        self.assertFalse(self.has_room(5000))

    def test_what_is_at_work_for_days_still_counts(self):
        self.fill(SENDING)
        now = 0
        for _ in range(14):
            now = ticks_add(now, 24 * 3600 * 1000)
            self.table.count_lasting(now)
            self.assertEqual(self.table.lasting, 1)

    def test_what_is_not_at_work_never_counts(self):
        for state in NEW, IDLE, READING, LINGERING:
            slots = self.fill(state, state, state)
            slots[0].lasts = True
            self.table.count_lasting(LATER * 60)
            self.assertEqual(self.table.lasting, 0)


class TestDeadlines(Table):
    def test_a_slot_expires_at_its_deadline_and_not_before(self):
        slot = self.table.slots[0]
        slot.enter(NEW, 0, 5000)
        self.assertFalse(slot.is_expired(4999))
        self.assertTrue(slot.is_expired(5000))

    def test_use_does_not_move_the_deadline(self):
        slot = self.table.slots[0]
        put(slot, READING, 0, 5000)
        slot.touch()
        self.assertTrue(slot.is_expired(5000))

    def test_a_slot_at_work_has_no_deadline_left_from_before(self):
        slot = self.table.slots[0]
        slot.enter(NEW, 0, 5000)
        slot.enter(BUSY, 0)
        self.assertFalse(slot.is_expired(10000))

    def test_a_slot_that_is_being_cut_expires_again_a_second_later(self):
        slot = self.table.slots[0]
        slot.enter(NEW, 0, 5000)
        slot.cut(TIMED_OUT, 5000)
        self.assertFalse(slot.is_expired(5999))
        self.assertTrue(slot.is_expired(6000))
        slot.cut(PURGED, 6000)
        self.assertEqual(slot.reason, TIMED_OUT)

    def test_it_does_so_whatever_its_request_does_then(self):
        slot = self.table.slots[0]
        slot.enter(NEW, 0, 5000)
        slot.cut(TIMED_OUT, 5000)
        for state in (READING, BUSY, SENDING, IDLE):
            slot.enter(state, 5001, 100 if state == IDLE else None)
            self.assertFalse(slot.is_expired(5999))
            self.assertTrue(slot.is_expired(6000))
        slot.enter(FREE, 6000)
        self.assertFalse(slot.is_expired(9000))

    def test_a_deadline_may_lie_beyond_the_end_of_the_ticks(self):
        slot = self.table.slots[0]
        end = ticks_add(0, -1)
        slot.enter(NEW, end, 5000)
        self.assertFalse(slot.is_expired(ticks_add(end, 4999)))
        self.assertTrue(slot.is_expired(ticks_add(end, 5000)))
