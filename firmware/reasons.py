"""Why Wi-Fi has failed, in words; `wifi` loads this module for one look-up and drops it again.

The reasons are those of ESP-IDF's `wifi_err_reason_t`, as `WLAN.status()` gives them: up to 68 as
IEEE 802.11 numbers them, from 200 the driver's own.  A wrong password has several.
"""

_WORDS = """
1 no reason given
2 no answer
3 ended by the access point
4 silent for too long
5 the access point is full
6 not authenticated
7 not associated
8 disconnected
9 associated without authentication
10 its transmit power is refused
11 its channels are refused
12 sent to another access point
13 invalid information element
14 integrity check failed
15 wrong password
16 no new group key
17 handshake and beacon differ
18 invalid group cipher
19 invalid pairwise cipher
20 invalid key management
21 unknown version of RSN
22 invalid RSN capabilities
23 802.1X authentication failed
24 cipher suite refused
25 TDLS peer out of reach
26 TDLS link closed
27 ended by the service provider
28 no roaming agreement
29 cipher or key management not allowed
30 not allowed in this place
31 traffic stream not allowed any more
32 quality of service
33 not enough bandwidth
34 too many frames were lost
35 sent for too long
36 the station leaves
37 block acknowledgement ended
38 unknown block acknowledgement
39 time-out
46 ended by the peer
47 ended by the access point
48 invalid number of FT frames
49 invalid PMKID
50 invalid mobility domain
51 invalid FT element
67 no transmission link
68 channel occupied
200 the access point is gone
201 no such network
202 wrong password
203 the access point refuses
204 wrong password
205 no connection
206 the access point has restarted
207 roaming
208 the access point asks for too long a pause
209 no answer to a security query
210 its protection does not fit the password
211 its protection is too weak
212 its signal is too weak
"""


def explain(reason: int) -> str:
    """Its words, "reason 99" for one without."""
    start = _WORDS.find("\n%d " % reason)
    if start < 0:
        return "reason %d" % reason
    return _WORDS[_WORDS.find(" ", start) + 1 : _WORDS.find("\n", start + 1)]
