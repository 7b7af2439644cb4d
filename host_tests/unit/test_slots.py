import unittest
from time import ticks_add

from firmware.slots import BUSY, GONE, GRACE_MS, IDLE, NEW, PURGED, READING, TIMED_OUT, SlotTable

LATER = 1000  # past a newcomer's grace


class TestAdmission(unittest.TestCase):
    def setUp(self):
        self.table = SlotTable(3, lambda: None)

    def fill(self, now=0):
        slots = list(self.table.slots)
        for slot in slots:
            slot.enter(NEW, now, 5000)
        return slots

    def test_a_free_slot_is_found_until_all_are_taken(self):
        self.assertIs(self.table.find_free(), self.table.slots[0])
        self.fill()
        self.assertIsNone(self.table.find_free())
        self.assertEqual(self.table.count_open(), 3)

    def test_the_least_recently_used_idle_slot_is_purged(self):
        first, second, third = self.fill()
        first.touch()
        self.assertIs(self.table.find_victim(LATER, False), second)
        second.touch()
        self.assertIs(self.table.find_victim(LATER, False), third)

    def test_a_slot_at_work_has_no_deadline_left_from_before(self):
        first = self.fill()[0]
        first.work()
        self.assertEqual(first.state, BUSY)
        self.assertFalse(first.is_expired(5000))

    def test_a_busy_slot_is_never_purged(self):
        first, second, third = self.fill()
        for slot in (first, second, third):
            slot.enter(BUSY)
        self.assertIsNone(self.table.find_victim(LATER, False))
        self.assertTrue(self.table.is_all_at_work())
        third.enter(IDLE)
        self.assertIs(self.table.find_victim(LATER, False), third)
        self.assertFalse(self.table.is_all_at_work())

    def test_defect_i_a_connection_that_sends_is_in_use_too(self):
        first, second, _ = self.fill()
        first.enter(BUSY)  # it received long ago; since then it only sends
        second.touch()
        first.enter(IDLE)
        self.assertTrue(self.table.find_victim(LATER, False) is not first)

    def test_a_newcomer_is_not_the_first_victim(self):
        first, second, third = self.fill()
        first.enter(BUSY)
        second.enter(BUSY)
        self.assertIsNone(self.table.find_victim(GRACE_MS - 1, False))
        self.assertIs(self.table.find_victim(GRACE_MS, False), third)

    def test_a_newcomer_who_has_spoken_has_had_his_moment(self):
        first, second, third = self.fill()
        first.enter(BUSY)
        second.enter(BUSY)
        third.enter(READING, 0, 5000)
        self.assertIs(self.table.find_victim(0, False), third)

    def test_who_has_just_been_answered_is_spared_unless_it_is_urgent(self):
        first, second, third = self.fill()
        first.enter(IDLE, LATER, 5000)
        second.enter(IDLE, LATER, 5000)
        third.enter(NEW, LATER, 5000)
        now = LATER + GRACE_MS
        self.assertIsNone(self.table.find_victim(now - 1, False))
        self.assertIs(self.table.find_victim(now - 1, True), first)
        self.assertIs(self.table.find_victim(now, False), first)

    def test_a_newcomer_is_spared_even_if_it_is_urgent(self):
        first, second, third = self.fill()
        first.enter(BUSY)
        second.enter(BUSY)
        self.assertIsNone(self.table.find_victim(GRACE_MS - 1, True))

    def test_only_one_is_purged_at_a_time(self):
        first, second, _ = self.fill()
        first.reason = PURGED
        self.assertIsNone(self.table.find_victim(LATER, False))
        first.release()
        self.assertIs(self.table.find_victim(LATER, False), second)

    def test_a_busy_slot_that_is_being_cut_is_about_to_be_free(self):
        slots = self.fill()
        for slot in slots:
            slot.enter(BUSY)
        slots[1].reason = GONE
        self.assertFalse(self.table.is_all_at_work())


class TestDeadlines(unittest.TestCase):
    def setUp(self):
        self.table = SlotTable(2, lambda: None)
        self.slot = self.table.slots[0]

    def test_a_slot_expires_at_its_deadline_and_not_before(self):
        self.slot.enter(NEW, 0, 5000)
        self.assertFalse(self.slot.is_expired(4999))
        self.assertTrue(self.slot.is_expired(5000))

    def test_use_does_not_move_the_deadline(self):
        self.slot.enter(READING, 0, 5000)
        self.slot.touch()
        self.assertTrue(self.slot.is_expired(5000))

    def test_a_slot_at_work_has_no_deadline(self):
        self.slot.enter(NEW, 0, 5000)
        self.slot.enter(BUSY)
        self.assertFalse(self.slot.is_expired(10000))

    def test_a_slot_that_is_being_cut_expires_again_a_second_later(self):
        self.slot.enter(NEW, 0, 5000)
        self.slot.cut(TIMED_OUT, 5000)
        self.assertFalse(self.slot.is_expired(5999))
        self.assertTrue(self.slot.is_expired(6000))
        self.slot.cut(PURGED, 6000)
        self.assertEqual(self.slot.reason, TIMED_OUT)

    def test_a_deadline_may_lie_beyond_the_end_of_the_ticks(self):
        end = ticks_add(0, -1)
        self.slot.enter(NEW, end, 5000)
        self.assertFalse(self.slot.is_expired(ticks_add(end, 4999)))
        self.assertTrue(self.slot.is_expired(ticks_add(end, 5000)))
