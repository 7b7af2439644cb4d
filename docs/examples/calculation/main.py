"""A calculation beside quick requests: /primes counts prime numbers on a thread, line by line.

Ask for /quick meanwhile.
"""

import os

from microdot import Microdot

from firmware import WorkerPool, run

STEP = 2000

app = Microdot()
pool = WorkerPool()


def is_prime(number):
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True


def count_primes(limit):
    """One line each `STEP` numbers; ends early when nobody wants the rest."""
    count = 0
    for number in range(2, limit + 1):
        if pool.is_cancelled():
            return
        count += is_prime(number)
        if number % STEP == 0 or number == limit:
            yield "%d primes up to %d\n" % (count, number)


@app.get("/")
async def index(request):
    links = '<p><a href="/primes/200000">/primes/200000</a> <p><a href="/quick">/quick</a>'
    return f"<!DOCTYPE html><title>Calculation</title>{links}", {"Content-Type": "text/html"}


@app.get("/primes/<int:limit>")
@pool.long
def primes(request, limit):
    return count_primes(limit)


@app.get("/files")
async def files(request):
    return await pool.to_thread(os.listdir)


@app.get("/quick")
async def quick(request):
    return "quick\n"


run(app, pool)
