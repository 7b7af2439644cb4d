import unittest
from binascii import hexlify

from firmware.update.proof import Guard, Refused, check_host, hmac, is_same

PASSWORD = "correct horse"
PATH = "/.httpd32/update"
DIGEST = "00" * 32


def sign(nonce, password=PASSWORD, path=PATH, digest=DIGEST):
    message = "%s\n%s\n%s\n" % (nonce, path, digest)
    proof = hexlify(hmac(password.encode(), message.encode())).decode()
    return "httpd32 %s %s %s" % (nonce, digest, proof)


class TestHMAC(unittest.TestCase):
    def test_it_is_that_of_rfc_4231(self):
        for key, message, expected in (
            (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
            (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a7"),
            (
                b"\xaa" * 131,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f",
            ),
        ):
            self.assertEqual(hexlify(hmac(key, message)[:16]).decode(), expected)


class TestIsSame(unittest.TestCase):
    def test_each_character_and_the_length_count(self):
        self.assertTrue(is_same("abc", "abc"))
        for other in ("abd", "bbc", "ab", "abcd", ""):
            self.assertFalse(is_same("abc", other))


class TestGuard(unittest.TestCase):
    def setUp(self):
        self.guard = Guard(PASSWORD, b"s" * 32)

    def refused(self, given, now=1000, path=PATH, known=None):
        with self.assertRaises(Refused) as caught:
            self.guard.check(given, path, now, known)
        return caught.exception.args

    def test_who_knows_the_password_is_let_in(self):
        nonce = self.guard.make_nonce(1000)
        self.assertEqual(self.guard.check(sign(nonce), PATH, 1000), (nonce, DIGEST))

    def test_what_is_no_proof_is_a_401(self):
        for given in (None, "", "Basic abc", "httpd32 a b", "other a b c", "httpd32 a b c d"):
            self.assertEqual(self.refused(given)[0], 401)

    def test_a_proof_is_of_the_password_the_path_and_the_body(self):
        for other in (
            sign(self.guard.make_nonce(1000), password="other"),
            sign(self.guard.make_nonce(1000), path=PATH + "x"),
            sign(self.guard.make_nonce(1000))[:-1] + "x",
            sign(self.guard.make_nonce(1000)).replace(DIGEST, "11" * 32),
        ):
            self.assertEqual(self.refused(other), (403, "wrong password"))

    def test_a_nonce_is_good_once(self):
        given = sign(self.guard.make_nonce(1000))
        self.guard.check(given, PATH, 1000)
        self.assertEqual(self.refused(given), (403, "the nonce was used before"))

    def test_the_next_nonce_is_another_in_the_same_millisecond_too(self):
        for _ in range(3):
            self.guard.check(sign(self.guard.make_nonce(1000)), PATH, 1000)

    def test_a_wrong_password_uses_up_no_nonce(self):
        nonce = self.guard.make_nonce(1000)
        self.refused(sign(nonce, password="other"))
        self.guard.check(sign(nonce), PATH, 1000)

    def test_an_older_nonce_than_one_that_was_used_is_not_good_any_more(self):
        older, newer = self.guard.make_nonce(1000), self.guard.make_nonce(1001)
        self.guard.check(sign(newer), PATH, 1002)
        self.assertEqual(self.refused(sign(older))[1], "the nonce was used before")

    def test_the_nonce_of_a_plan_is_good_for_its_files(self):
        nonce = self.guard.make_nonce(1000)
        self.guard.check(sign(nonce), PATH, 1000)
        for now in (2000, 200000):
            self.guard.check(sign(nonce), PATH, now, nonce)
        self.assertEqual(self.refused(sign(nonce, "other"), 2000, PATH, nonce)[1], "wrong password")

    def test_a_nonce_expires_after_a_minute(self):
        given = sign(self.guard.make_nonce(1000))
        for now in (900, 61000):
            self.assertIn("too old", self.refused(given, now)[1])
        self.guard.check(given, PATH, 60999)

    def test_a_nonce_that_another_board_has_made_or_nobody_is_not_good(self):
        made = Guard(PASSWORD, b"t" * 32).make_nonce(1000)
        for nonce in (made, "0" * 32, "000003e8", "x" * 32, "%08x" % 1000 + "0" * 24):
            self.assertIn("none of this board", self.refused(sign(nonce))[1])

    def test_a_sealed_file_is_opened_from_wherever_it_is_read(self):
        content = bytes(range(100))
        stream = b""
        for at in range(0, 100, 32):
            stream += hmac(PASSWORD.encode(), b"seal\nnonce\n/path\n%d" % at)
        sealed = bytes([one ^ other for one, other in zip(content, stream)])
        self.assertEqual(self.guard.unseal("nonce\n/path", 0, sealed), content)
        self.assertEqual(self.guard.unseal("nonce\n/path", 64, sealed[64:]), content[64:])
        self.assertFalse(self.guard.unseal("other\n/path", 0, sealed) == content)


class TestHost(unittest.TestCase):
    def test_the_board_is_known_by_its_address_and_its_name(self):
        for given in ("192.168.1.5", "192.168.1.5:8080", "Lamp", "lamp.local", "LAMP.local:80"):
            check_host(given, "192.168.1.5", "Lamp")

    def test_any_other_name_is_foreign(self):
        for given in (None, "", "lamp.example", "192.168.1.50", "lamp.local.example", "local"):
            with self.assertRaises(Refused) as caught:
                check_host(given, "192.168.1.5", "lamp")
            self.assertEqual(caught.exception.args[0], 421)
