"""`espnow`, played: what is sent is not answered."""

import played

MAX_DATA_LEN, KEY_LEN, MAX_TOTAL_PEER_NUM, MAX_ENCRYPT_PEER_NUM = 250, 16, 20, 6


class ESPNow:
    def __init__(self):
        self._peers = []

    def active(self, flag=None):
        return bool(flag)

    def config(self, *args, **settings):
        return None

    def add_peer(self, mac, *args, **settings):
        self._peers.append(bytes(mac))

    def del_peer(self, mac):
        self._peers.remove(bytes(mac))

    def get_peers(self):
        return tuple([(mac, None, 0, 0, False) for mac in self._peers])

    def send(self, *args):
        played.say("ESPNow: send")
        return False

    def recv(self, timeout_ms=None):
        return (None, None)

    def irecv(self, timeout_ms=None):
        return (None, None)

    def any(self):
        return False

    def stats(self):
        return (0, 0, 0, 0, 0)

    def irq(self, callback):
        pass
