"""A mixed load with faults, for minutes, on a server that must stay what it is.

clients  the kinds of clients
tally    what they and the server have done
board    the server: a simulated board of our own, or an address
"""
